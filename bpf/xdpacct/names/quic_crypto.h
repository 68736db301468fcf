// SPDX-License-Identifier: Apache-2.0
//
// quic_crypto.h - the four primitives that QUIC Initial packets need, so that one file knows the
// crypto library. The keys are public (they follow from the packet), so nothing here guards a
// secret.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_HASH_LEN = 32, CRYPTO_KEY_LEN = 16, CRYPTO_IV_LEN = 12, CRYPTO_TAG_LEN = 16 };

// HKDF-Extract with SHA-256 (RFC 5869, 2.2).
void crypto_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *input,
                         size_t input_len, uint8_t out[CRYPTO_HASH_LEN]);

// HKDF-Expand with SHA-256 (RFC 5869, 2.3).
void crypto_hkdf_expand(const uint8_t secret[CRYPTO_HASH_LEN], const uint8_t *info, size_t info_len,
                        uint8_t *out, size_t out_len);

// One block of AES-128.
void crypto_aes_block(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t in[16], uint8_t out[16]);

// AES-128-GCM: decrypts len bytes, of which the last 16 are the tag, into out (len - 16 bytes).
// False if the tag does not fit; out is then without meaning.
bool crypto_gcm_open(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_IV_LEN],
                     const uint8_t *header, size_t header_len, const uint8_t *in, size_t len,
                     uint8_t *out);
