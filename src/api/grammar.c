#include "api/grammar.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/read.h"
#include "base/hex.h"

/* A value as shown in a refusal: enough to find it, never a page of it. */
#define SHOWN "%.60s"

static bool only(const char *text, const char *more)
{
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr(more, *text))
			return false;
	}
	return true;
}

static bool in_table(const char *text, const char *const *table)
{
	while (*table && strcmp(*table, text) != 0)
		table++;
	return *table != NULL;
}

struct error *api_check_job(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	if (n >= 1 && n <= API_JOB_LETTERS && text[0] != '-' && only(text, "_-"))
		return NULL;
	return json_place_error(
		at, "\"" SHOWN "\" is no job id: 1 to 64 of the letters, digits, _ and -, not - in front", text);
}

struct error *api_check_name(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	if (n >= 1 && n <= API_NAME_LETTERS && isalpha((unsigned char)text[0]) && only(text, "._-") && !hex_is(text, n))
		return NULL;
	return json_place_error(
		at,
		"\"" SHOWN
		"\" is no name: up to 32 of the letters, digits, ., _ and -, a letter in front, and not hexadecimal digits only, which begin an id",
		text);
}

struct error *api_check_label(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	if (n >= 1 && n <= API_LABEL_LETTERS && isalnum((unsigned char)text[0]) && only(text, "._-"))
		return NULL;
	return json_place_error(
		at,
		"\"" SHOWN
		"\" is no region or label: 1 to 64 of the letters, digits, ., _ and -, a letter or digit in front",
		text);
}

/* Three numbers; false: it is no version. */
static bool read_version(const char *text, unsigned long number[3])
{
	for (int i = 0; i < 3; i++) {
		size_t digits = strspn(text, "0123456789");

		if (digits < 1 || digits > 5 || (digits > 1 && *text == '0') || text[digits] != (i < 2 ? '.' : '\0'))
			return false;
		number[i] = strtoul(text, NULL, 10);
		if (number[i] > 65535)
			return false;
		text += digits + 1;
	}
	return true;
}

struct error *api_check_version(const char *text, const struct json_place *at)
{
	unsigned long number[3];

	if (read_version(text, number))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is no version: three numbers up to 65535 as in 1.2.3", text);
}

int api_version_compare(const char *a, const char *b)
{
	unsigned long left[3] = {0}, right[3] = {0};
	bool is_left = read_version(a, left), is_right = read_version(b, right);

	if (!is_left || !is_right)
		return is_left - is_right;
	for (int i = 0; i < 3; i++) {
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	}
	return 0;
}

struct error *api_check_variant(const char *text, const struct json_place *at)
{
	if (strlen(text) <= API_VARIANT_LETTERS && only(text, "_-"))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is no variant: up to 32 of the letters, digits, _ and -", text);
}

struct error *api_check_node_id(const char *text, const struct json_place *at)
{
	if (hex_id_valid(text))
		return NULL;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && hex_id_valid(text + 2))
		return json_place_error(at, "\"" SHOWN "\" is no node id: leave out the 0x in front", text);
	return json_place_error(at, "\"" SHOWN "\" is no node id: %d hexadecimal digits", text, ID_DIGITS);
}

/* RFC 1123; a last label of digits alone would be an IPv4 address gone wrong. */
static bool is_host_name(const char *text)
{
	size_t label = 0, n = strlen(text);
	bool digits = true;

	if (n == 0 || n > API_HOST_LETTERS)
		return false;
	for (size_t i = 0; i <= n; i++) {
		char c = text[i];

		if (c == '.' || c == '\0') {
			if (label == 0 || label > API_HOST_LABEL_LETTERS || text[i - 1] == '-' || (c == '\0' && digits))
				return false;
			label = 0;
			digits = true;
			continue;
		}
		if (!isalnum((unsigned char)c) && (c != '-' || label == 0))
			return false;
		digits = digits && isdigit((unsigned char)c);
		label++;
	}
	return true;
}

struct error *api_check_host(const char *text, const struct json_place *at)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1 || is_host_name(text))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is no IP address or host name", text);
}

struct error *api_check_key(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	/* The key itself is never shown. */
	if (n < API_KEY_MIN_LETTERS || n > API_KEY_LETTERS || !only(text, ""))
		return json_place_error(at, "is no key: 16 to 64 letters and digits");
	return NULL;
}

/* Digits up to the first other character; a value too large stays too large. */
static const char *read_number(const char *text, int *ret)
{
	int n = 0;

	for (; isdigit((unsigned char)*text); text++)
		n = n > 99999 ? n : n * 10 + (*text - '0');
	*ret = n;
	return text;
}

static struct error *size_bounds(const char *text, const struct json_place *at, int width, int height)
{
	if (width < API_MIN_PIXELS || width > API_MAX_PIXELS || height < API_MIN_PIXELS || height > API_MAX_PIXELS)
		return json_place_error(at, "\"" SHOWN "\" is out of bounds: width and height must be 16 to 8192",
					text);
	if (width % 2 || height % 2)
		return json_place_error(at, "\"" SHOWN "\": width and height must be even", text);
	return NULL;
}

struct error *api_read_size(const char *text, const struct json_place *at, struct api_size *ret_size)
{
	static const char *const crosses[] = {"\u00d7", "\u2715", "\u2a09", "X", "*"};
	int width = 0, height = 0;
	const char *sign = read_number(text, &width), *end = sign;

	for (size_t i = 0; sign > text && i < sizeof(crosses) / sizeof(crosses[0]); i++) {
		size_t n = strlen(crosses[i]);

		if (strncmp(sign, crosses[i], n) == 0 && isdigit((unsigned char)sign[n]))
			return json_place_error(
				at,
				"\"" SHOWN
				"\" has a multiplication sign (%s) where the letter x belongs: write %.*sx" SHOWN,
				text, crosses[i], (int)(sign - text), text, sign + n);
	}
	if (*sign == 'x')
		end = read_number(sign + 1, &height);
	if (sign == text || *sign != 'x' || end == sign + 1 || *end || text[0] == '0' || sign[1] == '0')
		return json_place_error(at, "\"" SHOWN "\" is no size: write it like 1280x720", text);
	TRY(size_bounds(text, at, width, height));
	ret_size->width = width;
	ret_size->height = height;
	return NULL;
}

struct error *api_check_codec(const char *text, const struct json_place *at)
{
	static const char *const codecs[] = {"libx264", "h264_nvenc", "h264_vaapi", "h264_qsv", NULL};

	if (in_table(text, codecs))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is none of libx264, h264_nvenc, h264_vaapi, h264_qsv", text);
}

struct error *api_check_preset(const char *text, const struct json_place *at)
{
	static const char *const presets[] = {"ultrafast", "superfast", "veryfast", "faster",   "fast",
					      "medium",    "slow",      "slower",   "veryslow", NULL};

	if (in_table(text, presets))
		return NULL;
	return json_place_error(
		at,
		"\"" SHOWN
		"\" is no preset: ultrafast, superfast, veryfast, faster, fast, medium, slow, slower or veryslow",
		text);
}

struct error *api_check_mode(const char *text, const struct json_place *at)
{
	static const char *const modes[] = {"managed", "classic", NULL};

	return in_table(text, modes) ? NULL
				     : json_place_error(at, "\"" SHOWN "\" is neither managed nor classic", text);
}

struct error *api_check_image(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	if (n >= 1 && n <= API_IMAGE_LETTERS && isalnum((unsigned char)text[0]) && only(text, "._-/:@"))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is no image name", text);
}

struct error *api_check_path(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	if (n >= 2 && n <= API_PATH_LETTERS && text[0] == '/' && only(text, "._-/") && !strstr(text, "..") &&
	    !strstr(text, "//"))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is no plain absolute path", text);
}

struct error *api_check_file_name(const char *text, const struct json_place *at)
{
	size_t n = strlen(text);

	if (n >= 1 && n <= API_FILE_NAME_LETTERS && text[0] != '.' && text[0] != '-' && only(text, "._-"))
		return NULL;
	return json_place_error(at, "\"" SHOWN "\" is no file name beside the task list", text);
}
