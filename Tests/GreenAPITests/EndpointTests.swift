import GreenAPI
import Testing

@Suite struct EndpointTests {
  private func url(_ apiURL: String, _ type: TypeInstance?) -> String {
    Endpoint(apiURL: apiURL, idInstance: 1_101_000_001, apiTokenInstance: Secret("tok"), typeInstance: type)
      .url(.getSettings)
  }

  @Test(
    "The path is apiUrl, instance, method, token",
    arguments: [
      "https://1101.api.green-api.com", "https://1101.api.green-api.com/", "https://1101.api.green-api.com//",
    ])
  func path(apiURL: String) {
    for type in [nil, .whatsapp, .telegram] as [TypeInstance?] {
      #expect(url(apiURL, type) == "https://1101.api.green-api.com/waInstance1101000001/getSettings/tok")
    }
  }

  @Test(
    "An instance of MAX has /v3 once, written into apiUrl or not",
    arguments: [
      "https://3100.api.green-api.com", "https://3100.api.green-api.com/v3", "https://3100.api.green-api.com/v3/",
    ])
  func v3(apiURL: String) {
    #expect(url(apiURL, .v3) == "https://3100.api.green-api.com/v3/waInstance1101000001/getSettings/tok")
  }

  @Test("An apiUrl says itself whether it is one of MAX")
  func isV3() {
    #expect(Endpoint.isV3(apiURL: "https://3100.api.green-api.com/v3/"))
    #expect(!Endpoint.isV3(apiURL: "https://3100.api.green-api.com"))
    #expect(!Endpoint.isV3(apiURL: "https://example.com/api-v3"))
    #expect(url("https://3100.api.green-api.com/v3", nil).hasPrefix("https://3100.api.green-api.com/v3/waInstance"))
  }

  @Test("Each method has its name in the path, and a query is appended", arguments: APIMethod.allCases)
  func methods(method: APIMethod) {
    let endpoint = Endpoint(apiURL: "http://h", idInstance: 5, apiTokenInstance: Secret("t"))
    #expect(endpoint.url(method) == "http://h/waInstance5/\(method.rawValue)/t")
    #expect(
      endpoint.url(method, query: [("minutes", "1440"), ("idMessage", "a b/+&é")])
        == "http://h/waInstance5/\(method.rawValue)/t?minutes=1440&idMessage=a%20b%2F%2B%26%C3%A9")
  }

  @Test("A token can't break out of its place in the path")
  func oddToken() {
    let endpoint = Endpoint(apiURL: "http://h", idInstance: 5, apiTokenInstance: Secret("a/../b?c#d e\n"))
    #expect(endpoint.url(.getSettings) == "http://h/waInstance5/getSettings/a%2F..%2Fb%3Fc%23d%20e%0A")
  }

  @Test("An idInstance is an integer of one to 18 digits, not zero")
  func idInstances() {
    #expect(IDInstance("1101000001")?.rawValue == 1_101_000_001)
    #expect(IDInstance("710700000042")?.rawValue == 710_700_000_042)
    #expect(IDInstance("999999999999999999")?.description == "999999999999999999")
    for bad: Int64 in [0, -1, 1_000_000_000_000_000_000, .min, .max] { #expect(IDInstance(rawValue: bad) == nil) }
    for bad in [
      "", "0", "-5", "+5", " 5", "5 ", "1e3", "1000000000000000000", "99999999999999999999", "٥", "0000000000000000005",
    ] {
      #expect(IDInstance(bad) == nil, "\(bad)")
    }
    let five: IDInstance = 5
    #expect("\(five)" == "5")
    #expect(five < 6)
  }
}
