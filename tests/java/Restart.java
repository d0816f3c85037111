import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.util.Collections;

/**
 * Goes on over restarts of the daemon: with the key store, the private key and the login it had.
 * Arguments after the usual two: a folder for files that tell the test how far this is, and the test's answers.
 */
final class Restart {
    public static void main(String[] arguments) throws Exception {
        Token token = Token.open(arguments);
        Path folder = Path.of(arguments[2]);
        PrivateKey key = (PrivateKey) token.store.getKey("rsa", null);
        Certificate certificate = token.store.getCertificate("rsa");
        for (int round = 0; round < 3; round++) {
            // The first of these is the first call after the restart.
            sign(token, key, certificate);
            Token.check(Collections.list(token.store.aliases()).contains("rsa"), "the key is no longer listed");
            KeyPair fresh = token.ec("secp256r1");
            Signature signature = Signature.getInstance("SHA256withECDSA", token.provider);
            signature.initSign(fresh.getPrivate());
            signature.update(Token.bytes(10));
            signature.sign();
            Files.createFile(folder.resolve("worked-" + round));
            awaitFile(folder.resolve("restarted-" + round));
        }
        sign(token, key, certificate);
        System.out.println("went on");
    }

    private static void sign(Token token, PrivateKey key, Certificate certificate) throws Exception {
        Signature signature = Signature.getInstance("SHA256withRSA", token.provider);
        signature.initSign(key);
        signature.update(Token.bytes(100));
        byte[] made = signature.sign();
        Signature check = Signature.getInstance("SHA256withRSA");
        check.initVerify(certificate);
        check.update(Token.bytes(100));
        Token.check(check.verify(made), "a bad signature");
    }

    private static void awaitFile(Path file) throws Exception {
        for (int waited = 0; !Files.exists(file); waited += 10) {
            Token.check(waited < 60_000, "waited in vain for " + file);
            Thread.sleep(10);
        }
    }
}
