import java.security.Key;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** The key store: expects the private keys `rsa` and `ec` with certificates, as keytool makes them. */
final class Store {
    private static Token token;

    public static void main(String[] arguments) throws Exception {
        token = Token.open(arguments);
        KeyStore store = token.store;
        listed("ec", "rsa");
        for (String alias : List.of("rsa", "ec")) {
            Token.check(store.isKeyEntry(alias), alias + " isn't a key");
            PrivateKey key = (PrivateKey) store.getKey(alias, null);
            Certificate certificate = store.getCertificate(alias);
            certificate.verify(certificate.getPublicKey());
            String algorithm = alias.equals("rsa") ? "SHA256withRSA" : "SHA256withECDSA";
            Signature signature = Signature.getInstance(algorithm, token.provider);
            signature.initSign(key);
            signature.update(Token.bytes(1000));
            byte[] made = signature.sign();
            // The certificate's key belongs to Java's own providers.
            Signature check = Signature.getInstance(algorithm);
            check.initVerify(certificate);
            check.update(Token.bytes(1000));
            Token.check(check.verify(made), alias + ": not the key of its certificate");
        }
        secretKeys();
        Certificate certificate = store.getCertificate("rsa");
        PrivateKey key = (PrivateKey) store.getKey("rsa", null);
        store.setKeyEntry("renamed", key, null, new Certificate[] {certificate});
        reload(arguments[1]);
        listed("ec", "renamed");
        store.deleteEntry("renamed");
        reload(arguments[1]);
        listed("ec");
        System.out.println("the key store holds");
    }

    /** Secret keys become token keys: one that is known, one that was generated and stays on the token. */
    private static void secretKeys() throws Exception {
        KeyStore store = token.store;
        SecretKey known = new SecretKeySpec(Token.bytes(16), "AES");
        KeyGenerator generator = KeyGenerator.getInstance("AES", token.provider);
        generator.init(256);
        SecretKey made = generator.generateKey();
        byte[] block = Token.bytes(16);
        byte[] expected = encrypt(made, block);
        store.setKeyEntry("known", known, null, null);
        store.setKeyEntry("made", made, null, null);
        listed("ec", "known", "made", "rsa");
        Token.same(encrypt(store.getKey("known", null), block), encrypt(known, block), "the imported key");
        Token.same(encrypt(store.getKey("made", null), block), expected, "the copied key");
        store.deleteEntry("known");
        store.deleteEntry("made");
        listed("ec", "rsa");
    }

    private static byte[] encrypt(Key key, byte[] block) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding", token.provider);
        cipher.init(Cipher.ENCRYPT_MODE, key);
        return cipher.doFinal(block);
    }

    private static void reload(String pin) throws Exception {
        token.store.load(null, pin.toCharArray());
    }

    private static void listed(String... expected) throws Exception {
        TreeSet<String> aliases = new TreeSet<>(Collections.list(token.store.aliases()));
        Token.check(aliases.equals(new TreeSet<>(List.of(expected))), "listed are " + aliases);
    }
}
