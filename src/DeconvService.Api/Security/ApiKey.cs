using System.Security.Cryptography;
using System.Text;

namespace DeconvService.Api.Security;

/// <summary>A key that callers must know. Only its hash is kept, so it cannot come into a log.</summary>
internal sealed class ApiKey(string key)
{
    /// <summary>The header that brings a key.</summary>
    public const string Header = "X-Api-Key";

    private readonly byte[] _hash = Hash(key);

    /// <summary>Compares in a time that says nothing about the key: hashes have one length, and all of it is compared.</summary>
    public bool Is(string given) => CryptographicOperations.FixedTimeEquals(_hash, Hash(given));

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
