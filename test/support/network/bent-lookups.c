/*
 * Preloaded by a program under test (LD_PRELOAD): names lead to where the file RELAX_TEST_NAMES_FILE says, which may change
 * at any moment (names.ts). `hang` lasts until its line changes.
 * Bun resolves the names of websockets by itself, past node:dns, so that nothing inside of the program can bend them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char UNKNOWN[] = ".slack.test";

typedef int Lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* Returns 0 if nothing is said of the name. */
static int answer_for(const char *name, char answer[64]) {
  const char *path = getenv("RELAX_TEST_NAMES_FILE");
  FILE *file = path == NULL ? NULL : fopen(path, "r");
  char line_name[256], line_answer[64];
  int found = 0;
  if (file == NULL) return 0;
  while (fscanf(file, "%255s %63s", line_name, line_answer) == 2) {
    if (strcmp(line_name, name) != 0) continue;
    strcpy(answer, line_answer);
    found = 1;
  }
  fclose(file);
  const char *end = strlen(name) > sizeof UNKNOWN ? name + strlen(name) - (sizeof UNKNOWN - 1) : "";
  if (!found && strcmp(end, UNKNOWN) == 0) {
    strcpy(answer, "ENOTFOUND");
    found = 1;
  }
  return found;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  Lookup *real = (Lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
  char answer[64];
  if (name == NULL || !answer_for(name, answer)) return real(name, service, hints, result);
  while (strcmp(answer, "hang") == 0) {
    usleep(20 * 1000);
    if (!answer_for(name, answer)) return EAI_AGAIN;
  }
  if (strcmp(answer, "ENOTFOUND") == 0) return EAI_NONAME;
  if (strcmp(answer, "EAI_AGAIN") == 0) return EAI_AGAIN;
  return real(answer, service, hints, result);
}
