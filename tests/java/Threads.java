import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Fifty threads sign at once, with token keys and with session keys of their own. */
final class Threads {
    private static final int THREADS = 50;
    private static final int EACH = 20;

    public static void main(String[] arguments) throws Exception {
        Token token = Token.open(arguments);
        PrivateKey rsa = (PrivateKey) token.store.getKey("rsa", null);
        PublicKey rsaPublic = token.store.getCertificate("rsa").getPublicKey();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        List<Future<?>> running = new ArrayList<>();
        long begun = System.nanoTime();
        for (int thread = 0; thread < THREADS; thread++) {
            int number = thread;
            running.add(threads.submit(() -> {
                KeyPair own = token.ec("secp256r1");
                PublicKey ownPublic = Token.soft(own.getPublic());
                for (int round = 0; round < EACH; round++) {
                    byte[] message = Token.bytes(number * EACH + round);
                    sign(token, "SHA256withRSA", rsa, rsaPublic, message);
                    sign(token, "SHA256withECDSA", own.getPrivate(), ownPublic, message);
                }
                return null;
            }));
        }
        for (Future<?> thread : running) {
            thread.get(60, TimeUnit.SECONDS);
        }
        threads.shutdown();
        double seconds = (System.nanoTime() - begun) / 1e9;
        System.out.printf("%d threads made and checked %.0f signatures/s%n", THREADS, 2 * THREADS * EACH / seconds);
    }

    private static void sign(Token token, String algorithm, PrivateKey key, PublicKey check, byte[] message)
            throws Exception {
        Signature signature = Signature.getInstance(algorithm, token.provider);
        signature.initSign(key);
        signature.update(message);
        byte[] made = signature.sign();
        String owner = key.getAlgorithm().equals("EC") ? "SunEC" : "SunRsaSign";
        Signature verifier = Signature.getInstance(algorithm, owner);
        verifier.initVerify(check);
        verifier.update(message);
        Token.check(verifier.verify(made), algorithm + ": a thread made a bad signature");
    }
}
