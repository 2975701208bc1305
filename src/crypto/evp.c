#include "crypto/evp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct evp_algorithms algorithms;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void evp_need(bool ok)
{
	if (ok)
		return;
	fputs("OpenSSL: out of memory, or an algorithm is missing (SHA-256, HMAC, AES)\n", stderr);
	abort();
}

static EVP_CIPHER *cipher(const char *name)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, name, NULL);

	evp_need(c);
	return c;
}

static void look_up(void)
{
	algorithms.sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	algorithms.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	evp_need(algorithms.sha256 && algorithms.hmac);
	algorithms.ctr_128 = cipher("AES-128-CTR");
	algorithms.ctr_256 = cipher("AES-256-CTR");
	algorithms.ecb_128 = cipher("AES-128-ECB");
	algorithms.ecb_256 = cipher("AES-256-ECB");
	algorithms.gcm_256 = cipher("AES-256-GCM");
}

const struct evp_algorithms *evp_algorithms(void)
{
	pthread_once(&once, look_up);
	return &algorithms;
}
