#define _GNU_SOURCE
#include "loader.h"

#include <link.h>

typedef void (*object_taker)(const struct loaded_object *);

static int show(struct dl_phdr_info *info, size_t size, void *take) {
  (void)size;
  struct loaded_object object = {
      .name = info->dlpi_name ? info->dlpi_name : "",
      .address = info->dlpi_addr,
      .headers = info->dlpi_phdr,
      .header_count = info->dlpi_phnum,
  };
  (*(object_taker *)take)(&object);
  return 0;
}

void loader_show_objects(object_taker take) { dl_iterate_phdr(show, &take); }
