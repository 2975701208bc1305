/* OpenSSL's algorithms, looked up once for the process: looking one up takes longer than hashing a few hundred bytes.
 * Private to crypto/. Threads: any. */
#ifndef DSN_CRYPTO_EVP_H
#define DSN_CRYPTO_EVP_H

#include <openssl/evp.h>
#include <stdbool.h>

struct evp_algorithms {
	EVP_MD *sha256;
	EVP_MAC *hmac;
	EVP_CIPHER *ctr_128, *ctr_256, *ecb_128, *ecb_256, *gcm_256;
};

/* Ends the process where the system's OpenSSL has not all of them. */
const struct evp_algorithms *evp_algorithms(void);
/* Ends the process when !ok: what fails then is memory, or our use of OpenSSL. */
void evp_need(bool ok);

#endif
