import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Random;

/** A cluster's token, as SunPKCS11 shows it, and what the programs here share. */
final class Token {
    final Provider provider;
    final KeyStore store;

    private Token(Provider provider, KeyStore store) {
        this.provider = provider;
        this.store = store;
    }

    /** Logs in. Every program gets the provider's configuration and the PIN as its first two arguments. */
    static Token open(String[] arguments) throws Exception {
        Provider provider = Security.getProvider("SunPKCS11").configure(arguments[0]);
        Security.addProvider(provider);
        KeyStore store = KeyStore.getInstance("PKCS11", provider);
        store.load(null, arguments[1].toCharArray());
        return new Token(provider, store);
    }

    KeyPair rsa(int bits) throws GeneralSecurityException {
        return pair("RSA", new RSAKeyGenParameterSpec(bits, RSAKeyGenParameterSpec.F4));
    }

    KeyPair ec(String curve) throws GeneralSecurityException {
        return pair("EC", new ECGenParameterSpec(curve));
    }

    private KeyPair pair(String algorithm, AlgorithmParameterSpec parameters) throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, provider);
        generator.initialize(parameters);
        return generator.generateKeyPair();
    }

    /** The same public key for Java's own providers. */
    static PublicKey soft(PublicKey key) throws GeneralSecurityException {
        String owner = key.getAlgorithm().equals("EC") ? "SunEC" : "SunRsaSign";
        return KeyFactory.getInstance(key.getAlgorithm(), owner)
            .generatePublic(new X509EncodedKeySpec(key.getEncoded()));
    }

    /** Bytes that look random and are the same every time. */
    static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void same(byte[] left, byte[] right, String what) {
        check(Arrays.equals(left, right), what + ": not the same bytes");
    }
}
