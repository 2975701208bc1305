#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"

/* Fewest significant digits that read back as n; n is finite and not 0. Returns the decimal exponent. */
static int shortest(double n, char digits[18])
{
	char text[32];

	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, n);
		if (strtod(text, NULL) == n)
			break;
	}
	char *e = strchr(text, 'e');
	size_t count = 0;
	for (char *p = text; p < e; p++)
		if (*p >= '0' && *p <= '9')
			digits[count++] = *p;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	digits[count] = '\0';
	return (int)strtol(e + 1, NULL, 10);
}

static void write_go(struct json_writer *w, double n)
{
	char digits[18], text[64];
	size_t count, at = 0;
	int exponent;

	if (n == 0) {
		json_write_raw(w, signbit(n) ? "-0" : "0");
		return;
	}
	exponent = shortest(fabs(n), digits);
	count = strlen(digits);
	if (n < 0)
		text[at++] = '-';
	if (fabs(n) < 1e-6 || fabs(n) >= 1e21) { /* 1.5e-7, 1e+21 */
		snprintf(text + at, sizeof(text) - at, "%c%s%se%c%d", digits[0], count > 1 ? "." : "", digits + 1,
			 exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) { /* 0.00012 */
		snprintf(text + at, sizeof(text) - at, "0.%.*s%s", -exponent - 1, "00000", digits);
	} else if ((int)count <= exponent + 1) { /* 12000 */
		snprintf(text + at, sizeof(text) - at, "%s%.*s", digits, exponent + 1 - (int)count,
			 "000000000000000000000");
	} else {
		snprintf(text + at, sizeof(text) - at, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	}
	json_write_raw(w, text);
}

void json_write_double(struct json_writer *w, double n)
{
	json_t *value;

	if (!isfinite(n)) {
		json_write_raw(w, "null");
	} else if (w->form == JSON_FORM_GO) {
		write_go(w, n);
	} else {
		value = json_real(n);
		json_write_value(w, value);
		json_decref(value);
	}
}
