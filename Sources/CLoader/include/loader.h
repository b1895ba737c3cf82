#ifndef STATUSRELAY_LOADER_H
#define STATUSRELAY_LOADER_H

#include <stddef.h>
#include <stdint.h>

/// A file that is loaded as a part of this program.
struct loaded_object {
  /// Its path; "" for the program itself. What the kernel brings along has a name without a path.
  const char *name;
  /// What is to be added to the addresses in its headers.
  uintptr_t address;
  /// Elf64_Phdr.
  const void *headers;
  size_t header_count;
};

/// Shows every loaded object. Until it returns none is loaded or unloaded.
///
/// Swift sees no dl_iterate_phdr, which glibc keeps for those who define _GNU_SOURCE.
/// https://man7.org/linux/man-pages/man3/dl_iterate_phdr.3.html
void loader_show_objects(void (*take)(const struct loaded_object *object));

#endif
