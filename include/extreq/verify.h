/* extreq/verify.h: is an SEV-SNP attestation report genuine? The C interface of libextreq_verify.
 *
 * C11, no C++ types, no global state, no network, no files: whoever calls brings the bytes.
 *
 * Errors: functions return an enum extreq_code; EXTREQ_OK is 0. Where one takes a struct
 * extreq_error and it is not NULL, it is filled in on failure and cleared on success.
 * A report that is not genuine is no error: it is a result, and says why.
 *
 * Growth: structs that callers fill in begin with struct_size, which is sizeof of the struct as the
 * caller knows it; the EXTREQ_..._INIT macros set it. Later versions only add fields at the end,
 * and a field that is not there counts as zero. Functions are never changed, only added.
 *
 * Threading: one extreq_verifier may be used from any number of threads at once, all but
 * extreq_verifier_free(). Results and errors belong to whoever got them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header. Compare with extreq_verify_version() for that of the library. */
#define EXTREQ_VERIFY_VERSION 3

uint32_t extreq_verify_version(void);

enum extreq_code {
  EXTREQ_OK = 0,
  EXTREQ_INVALID_INPUT = 1, /* bytes or arguments are wrong: mend them, do not retry */
  EXTREQ_UNSUPPORTED = 2,   /* this library does not know that format or processor */
  EXTREQ_NO_MEMORY = 3,
  EXTREQ_INTERNAL = 4 /* a defect of this library: please report the text */
};

struct extreq_error {
  int code; /* enum extreq_code */
  char
      text[508]; /* what was found and what was wanted, cut off if it is longer; ends with a zero */
};

/* Verifier: the roots that count, and what was verified before. */
typedef struct extreq_verifier extreq_verifier;

/* What is asked of revocation lists (CRLs). */
enum extreq_revocation {
  EXTREQ_REVOCATION_IF_PRESENT = 0, /* a list that is given for the report's key must be fresh */
  EXTREQ_REVOCATION_OFF = 1,        /* lists are not read */
  EXTREQ_REVOCATION_REQUIRED = 2    /* no report is genuine without a fresh list for its key */
};

struct extreq_verifier_options {
  size_t struct_size;
  /* Roots to trust beside AMD's pinned ones: DER or PEM with several. NULL: none. */
  const uint8_t* roots;
  size_t roots_size;
  /* Certificates that serve every report: ASKs, ASVKs, ARKs, leaves; DER or PEM. NULL: none. */
  const uint8_t* certificates;
  size_t certificates_size;
  /* The most leaves whose verification is kept, about 8 KiB each. 0: 4096. */
  size_t max_leaves;
  /* What a report must be: a policy file's content (doc/policy.md). NULL: nothing is asked. Unless
   * it says waive_report_data, each request then needs its report_data. */
  const char* policy;
  size_t policy_size;
  /* enum extreq_revocation. A table's own list can revoke and satisfies nothing: the host chose it.
   */
  int revocation;
  /* Revocation lists of which it is not known whether they are for VCEKs or for VLEKs, DER or PEM.
   * They can revoke and do not satisfy EXTREQ_REVOCATION_REQUIRED. NULL: none. */
  const uint8_t* revocation_list;
  size_t revocation_list_size;
  const uint8_t* other_revocation_list;
  size_t other_revocation_list_size;
  /* cRLNumber of a list seen before for the reports' key, big-endian: one with a lower number, or
   * none, does not count. NULL: none was seen. */
  const uint8_t* revocation_number;
  size_t revocation_number_size;
  /* The root's revocation list for VCEKs, of /vcek/v1/PRODUCT/crl at AMD's key service, and the one
   * for VLEKs, of /vlek/v1/PRODUCT/crl, DER or PEM. A list does not say which of the two it is:
   * take care not to swap them. NULL: none. Since version 3 of this header. */
  const uint8_t* vcek_revocation_list;
  size_t vcek_revocation_list_size;
  const uint8_t* vlek_revocation_list;
  size_t vlek_revocation_list_size;
};
#define EXTREQ_VERIFIER_OPTIONS_INIT                                                           \
  {                                                                                            \
    sizeof(struct extreq_verifier_options), NULL, 0, NULL, 0, 0, NULL, 0, 0, NULL, 0, NULL, 0, \
        NULL, 0, NULL, 0, NULL, 0                                                              \
  }

/* `options` may be NULL: all as if zero. The bytes may go after the call. Failure: what is given is
 * no certificate, no policy (the text says where) or no revocation list. On success *verifier is
 * to be freed by extreq_verifier_free(), else it is NULL. */
int extreq_verifier_create(const struct extreq_verifier_options* options,
                           extreq_verifier** verifier, struct extreq_error* error);

/* NULL is allowed. */
void extreq_verifier_free(extreq_verifier* verifier);

struct extreq_request {
  size_t struct_size;
  /* The report, 0x4A0 bytes. */
  const uint8_t* report;
  size_t report_size;
  /* The certificate table of the extended guest request. NULL: none. */
  const uint8_t* certificate_table;
  size_t certificate_table_size;
  /* More certificates for this report, DER or PEM: they go before the table's. NULL: none. */
  const uint8_t* certificates;
  size_t certificates_size;
  /* When the certificates must be valid: seconds since 1970-01-01T00:00:00Z. */
  int64_t at;
  /* What REPORT_DATA must be, 64 bytes. NULL: not checked, and the result says so; not acceptable
   * under a policy that does not waive it. */
  const uint8_t* report_data;
};
#define EXTREQ_REQUEST_INIT \
  { sizeof(struct extreq_request), NULL, 0, NULL, 0, NULL, 0, 0, NULL }

enum extreq_verdict {
  EXTREQ_GENUINE = 0,       /* and what was asked for, as far as something was asked */
  EXTREQ_NOT_GENUINE = 1,   /* do not use the report */
  EXTREQ_NOT_ACCEPTABLE = 2 /* genuine, but not what was asked for */
};

typedef struct extreq_result extreq_result;

/* On success *result is to be freed by extreq_result_free(), else it is NULL. Failure: input that
 * is no report, no table or no certificate; a report version that is not supported. */
int extreq_verify(const extreq_verifier* verifier, const struct extreq_request* request,
                  extreq_result** result, struct extreq_error* error);

/* enum extreq_verdict */
int extreq_result_verdict(const extreq_result* result);

/* One sentence: the verdict, whose root it rests on, what failed, and what was not checked. UTF-8,
 * as all texts; it lives as long as the result. */
const char* extreq_result_summary(const extreq_result* result);

/* The containers in which guests and their tools hand reports on (doc/evidence.md). Of a
 * configfs-tsm folder outblob is EXTREQ_FORMAT_RAW, and auxblob the request's certificate_table. */
enum extreq_format {
  EXTREQ_FORMAT_AUTO = 0,     /* one of the following, told by the content */
  EXTREQ_FORMAT_RAW = 1,      /* the report, 0x4A0 bytes */
  EXTREQ_FORMAT_EXTENDED = 2, /* the report and its certificate table right behind it */
  EXTREQ_FORMAT_IOCTL = 3,    /* what SNP_GET_REPORT of /dev/sev-guest leaves in its buffer */
  EXTREQ_FORMAT_HCL = 4,      /* Azure: the content of the vTPM's NV index 0x01400001 */
  EXTREQ_FORMAT_JSON = 5      /* what attesters send, with base64 or arrays of numbers in it */
};

struct extreq_evidence {
  size_t struct_size;
  const uint8_t* bytes;
  size_t size;
  int format; /* enum extreq_format; one that is named is not guessed */
};
#define EXTREQ_EVIDENCE_INIT \
  { sizeof(struct extreq_evidence), NULL, 0, EXTREQ_FORMAT_AUTO }

/* extreq_verify() for the report in `evidence`: request->report must be NULL. The evidence's own
 * certificates are its table; request->certificate_table, if there is one, stands in for it.
 * Runtime data of an HCL report are checked against REPORT_DATA ("runtime_data"). Failure further:
 * content that is not of the format, and the text says where. Since version 2 of this header. */
int extreq_verify_evidence(const extreq_verifier* verifier, const struct extreq_evidence* evidence,
                           const struct extreq_request* request, extreq_result** result,
                           struct extreq_error* error);

enum extreq_check_state { EXTREQ_PASSED = 0, EXTREQ_FAILED = 1, EXTREQ_NOT_DONE = 2 };

struct extreq_check {
  const char*
      name;  /* "root_trusted", ...: stable, for programs; doc/verification.md has them all */
  int state; /* enum extreq_check_state */
  const char* why;
};

size_t extreq_result_check_count(const extreq_result* result);

/* Check number `index`, in the order of doc/verification.md. The texts live as long as the result.
 * EXTREQ_INVALID_INPUT if there is none of that number. */
int extreq_result_check(const extreq_result* result, size_t index, struct extreq_check* check);

/* NULL is allowed. */
void extreq_result_free(extreq_result* result);

#ifdef __cplusplus
}
#endif
