// HMAC-SHA256 (RFC 2104) over the platform's SHA-256.
#ifndef FKS_HMAC_MQH
#define FKS_HMAC_MQH

#include <FKS/Text.mqh>

void Sha256(const uchar &data[], uchar &digest[])
{
   uchar none[];
   CryptEncode(CRYPT_HASH_SHA256, data, none, digest);
}

// The key in its 64-byte block: hashed when longer, filled up with zeros.
void HmacBlock(const uchar &key[], uchar &block[])
{
   ArrayResize(block, 0);
   if(ArraySize(key) > 64)
      Sha256(key, block);
   else
      ArrayCopy(block, key);
   int filled = ArraySize(block);
   ArrayResize(block, 64);
   for(int i = filled; i < 64; i++)
      block[i] = 0;
}

void HmacPass(const uchar &block[], const uchar pad, const uchar &data[], uchar &digest[])
{
   uchar padded[];
   ArrayResize(padded, 64);
   for(int i = 0; i < 64; i++)
      padded[i] = (uchar)(block[i] ^ pad);
   ArrayCopy(padded, data, 64);
   Sha256(padded, digest);
}

string HmacSha256Hex(const string secret, const uchar &data[])
{
   uchar key[];
   uchar block[];
   uchar inner[];
   uchar outer[];
   AppendUtf8(secret, key);
   HmacBlock(key, block);
   HmacPass(block, 0x36, data, inner);
   HmacPass(block, 0x5C, inner, outer);
   return HexOf(outer);
}

#endif
