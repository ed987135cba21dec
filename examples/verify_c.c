/* Verifies one report from C: verify_c EVIDENCE TABLE [ROOT]
 *
 * EVIDENCE: the report, or a container with one in it (enum extreq_format). TABLE: the certificate
 * table of the extended guest request; -: none but the evidence's own. ROOT: a root to trust beside
 * AMD's, DER or PEM. Exit: 0 genuine, 2 not, 4 an input cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "extreq/verify.h"

struct file {
  uint8_t* bytes;
  size_t size;
};

static int read_file(const char* path, struct file* file) {
  enum { limit = 1 << 20 };
  FILE* const input = fopen(path, "rb");
  if (input == NULL) {
    perror(path);
    return -1;
  }
  file->bytes = malloc(limit);
  file->size = file->bytes == NULL ? 0 : fread(file->bytes, 1, limit, input);
  const int failed = file->bytes == NULL || ferror(input) != 0;
  if (failed) fprintf(stderr, "%s: cannot be read\n", path);
  fclose(input);
  return failed ? -1 : 0;
}

static void print_checks(const extreq_result* result) {
  static const char* const states[] = {"passed", "FAILED", "not done"};
  for (size_t i = 0; i < extreq_result_check_count(result); ++i) {
    struct extreq_check check;
    if (extreq_result_check(result, i, &check) == EXTREQ_OK) {
      printf("%-8s  %-20s  %s\n", states[check.state], check.name, check.why);
    }
  }
  printf("\n%s\n", extreq_result_summary(result));
}

static int verify(const struct file* file, const struct file* table, const struct file* root) {
  struct extreq_verifier_options options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.roots = root->bytes;
  options.roots_size = root->size;
  struct extreq_error error;
  extreq_verifier* verifier = NULL;
  if (extreq_verifier_create(&options, &verifier, &error) != EXTREQ_OK) {
    fprintf(stderr, "%s\n", error.text);
    return 4;
  }
  struct extreq_request request = EXTREQ_REQUEST_INIT;
  request.certificate_table = table->bytes;
  request.certificate_table_size = table->size;
  request.at = (int64_t)time(NULL);
  struct extreq_evidence evidence = EXTREQ_EVIDENCE_INIT;
  evidence.bytes = file->bytes;
  evidence.size = file->size;
  extreq_result* result = NULL;
  int exit_code = 4;
  if (extreq_verify_evidence(verifier, &evidence, &request, &result, &error) == EXTREQ_OK) {
    print_checks(result);
    exit_code = extreq_result_verdict(result) == EXTREQ_GENUINE ? 0 : 2;
  } else {
    fprintf(stderr, "%s\n", error.text);
  }
  extreq_result_free(result);
  extreq_verifier_free(verifier);
  return exit_code;
}

int main(int argc, char** argv) {
  struct file files[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: %s EVIDENCE TABLE|- [ROOT]\n", argv[0]);
    return 1;
  }
  int exit_code = 0;
  for (int i = 1; i < argc && exit_code == 0; ++i) {
    if (i == 2 && strcmp(argv[i], "-") == 0) continue;
    if (read_file(argv[i], &files[i - 1]) != 0) exit_code = 4;
  }
  if (exit_code == 0) exit_code = verify(&files[0], &files[1], &files[2]);
  for (int i = 0; i < 3; ++i) free(files[i].bytes);
  return exit_code;
}
