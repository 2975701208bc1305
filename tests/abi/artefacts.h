/* The table that cmake/embed.cmake makes of contracts/artifacts/. Private to contracts.c. */
#ifndef DSN_TESTS_ABI_ARTEFACTS_H
#define DSN_TESTS_ABI_ARTEFACTS_H

#include <stddef.h>

struct artefact {
	const char *name; /* NULL: behind the last */
	const unsigned char *json;
	size_t n;
};

extern const struct artefact artefacts[];

#endif
