// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/quic_crypto.h"

#include <string.h>
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>

static void sha256_update_any(void *ctx, size_t len, const uint8_t *data)
{
    hmac_sha256_update(ctx, len, data);
}

static void sha256_digest_any(void *ctx, size_t len, uint8_t *digest)
{
    hmac_sha256_digest(ctx, len, digest);
}

void crypto_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *input,
                         size_t input_len, uint8_t out[CRYPTO_HASH_LEN])
{
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, salt_len, salt);
    hkdf_extract(&ctx, sha256_update_any, sha256_digest_any, SHA256_DIGEST_SIZE, input_len, input,
                 out);
}

void crypto_hkdf_expand(const uint8_t secret[CRYPTO_HASH_LEN], const uint8_t *info, size_t info_len,
                        uint8_t *out, size_t out_len)
{
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, CRYPTO_HASH_LEN, secret);
    hkdf_expand(&ctx, sha256_update_any, sha256_digest_any, SHA256_DIGEST_SIZE, info_len, info,
                out_len, out);
}

void crypto_aes_block(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t in[16], uint8_t out[16])
{
    struct aes128_ctx ctx;
    aes128_set_encrypt_key(&ctx, key);
    aes128_encrypt(&ctx, 16, out, in);
}

bool crypto_gcm_open(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_IV_LEN],
                     const uint8_t *header, size_t header_len, const uint8_t *in, size_t len,
                     uint8_t *out)
{
    struct gcm_aes128_ctx ctx;
    uint8_t tag[CRYPTO_TAG_LEN];
    if (len < CRYPTO_TAG_LEN)
        return false;
    len -= CRYPTO_TAG_LEN;
    gcm_aes128_set_key(&ctx, key);
    gcm_aes128_set_iv(&ctx, CRYPTO_IV_LEN, nonce);
    gcm_aes128_update(&ctx, header_len, header);
    gcm_aes128_decrypt(&ctx, len, out, in);
    gcm_aes128_digest(&ctx, sizeof(tag), tag);
    return memcmp(tag, in + len, sizeof(tag)) == 0;
}
