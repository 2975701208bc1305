/* The narrow grammars of everything that reaches nginx, ffmpeg, a file name or a command line.
 * Each check names the place and quotes what is wrong with the value. */
#ifndef DSN_API_GRAMMAR_H
#define DSN_API_GRAMMAR_H

#include "api/task.h"

/* How long a text may be, and how large a picture. */
#define API_JOB_LETTERS 64
#define API_VARIANT_LETTERS 32
#define API_NAME_LETTERS 32
#define API_KEY_MIN_LETTERS 16
#define API_KEY_LETTERS 64
#define API_HOST_LETTERS 253
#define API_HOST_LABEL_LETTERS 63
#define API_IMAGE_LETTERS 255
#define API_PATH_LETTERS 255
#define API_FILE_NAME_LETTERS 128
#define API_MIN_PIXELS 16 /* width and height */
#define API_MAX_PIXELS 8192

/* [0-9A-Za-z_-]{1,64}, not starting with '-' */
struct error *api_check_job(const char *text, const struct json_place *at) MUST_CHECK;
/* "" or [0-9A-Za-z_-]{1,32}. */
struct error *api_check_variant(const char *text, const struct json_place *at) MUST_CHECK;
/* A node's or agent's name: [A-Za-z][0-9A-Za-z._-]{0,31}, and not hexadecimal digits only: that begins an id. */
struct error *api_check_name(const char *text, const struct json_place *at) MUST_CHECK;
/* A region or a label: 1..64 of [0-9A-Za-z._-], a letter or digit in front. */
#define API_LABEL_LETTERS 64
struct error *api_check_label(const char *text, const struct json_place *at) MUST_CHECK;
/* "1.2.3", each up to 65535. */
struct error *api_check_version(const char *text, const struct json_place *at) MUST_CHECK;
/* Less than 0, 0 or more, as with strcmp(); of texts that are versions. "": less than any. */
int api_version_compare(const char *a, const char *b);
struct error *api_check_node_id(const char *text, const struct json_place *at) MUST_CHECK;
/* IPv4, IPv6 or a host name of RFC 1123. */
struct error *api_check_host(const char *text, const struct json_place *at) MUST_CHECK;
/* 16..64 of [0-9A-Za-z] */
struct error *api_check_key(const char *text, const struct json_place *at) MUST_CHECK;
/* "1280x720", each 16..8192 and even; says so when a multiplication sign stands for x. */
struct error *api_read_size(const char *text, const struct json_place *at, struct api_size *ret_size) MUST_CHECK;
/* libx264, h264_nvenc, h264_vaapi, h264_qsv */
struct error *api_check_codec(const char *text, const struct json_place *at) MUST_CHECK;
/* ultrafast ... veryslow */
struct error *api_check_preset(const char *text, const struct json_place *at) MUST_CHECK;

#endif
