/* Number tests on RSA moduli, for common/x509_weak.c alone. Pure; about 60 microseconds together.
 */
#pragma once

#include <openssl/bn.h>
#include <stdbool.h>

/** A prime below 1024 divides the modulus: damaged, or made to be factored. */
bool rsa_has_small_factor(const BIGNUM *modulus);

/** The fingerprint of CVE-2017-15361 ("ROCA"): modulo every odd prime up to 167 the modulus is a
 *  power of 65537. A sound modulus passes for one with probability below 2^-100. */
bool rsa_has_roca_fingerprint(const BIGNUM *modulus);

/** Fermat's method finds the factors within 100 steps (CVE-2022-26320): they lie too close
 * together. False also when memory runs out. */
bool rsa_has_close_factors(const BIGNUM *modulus);
