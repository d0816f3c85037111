import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Goes on over restarts of the daemon, with the key store, the private key and the login it had, while threads
 * sign all the time.
 * Arguments after the usual two: a folder for files that tell the test how far this is, and the test's answers.
 */
final class Restart {
    private static final int THREADS = 4;

    public static void main(String[] arguments) throws Exception {
        Token token = Token.open(arguments);
        Path folder = Path.of(arguments[2]);
        PrivateKey key = (PrivateKey) token.store.getKey("rsa", null);
        Certificate certificate = token.store.getCertificate("rsa");
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger made = new AtomicInteger();
        List<Future<?>> running = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
            running.add(threads.submit(() -> {
                for (; !over.get(); made.incrementAndGet()) {
                    sign(token, key, certificate);
                }
                return null;
            }));
        }
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
        over.set(true);
        for (Future<?> thread : running) {
            thread.get(60, TimeUnit.SECONDS);
        }
        threads.shutdown();
        System.out.println("went on; " + made + " signatures by " + THREADS + " threads meanwhile");
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
