import java.security.KeyPair;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;

/** Signatures: made by the token, verified by the token and by Java's own providers, and the other way around. */
final class Signatures {
    private static Token token;

    public static void main(String[] arguments) throws Exception {
        token = Token.open(arguments);
        String[] digests = {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"};
        for (int bits : new int[] {1024, 2048, 3072}) {
            KeyPair rsa = token.rsa(bits);
            for (String digest : digests) {
                check(rsa, digest + "withRSA", null);
            }
        }
        KeyPair rsa = token.rsa(2048);
        pss(rsa, "SHA-1", 20);
        pss(rsa, "SHA-256", 32);
        pss(rsa, "SHA-384", 48);
        pss(rsa, "SHA-512", 64);
        pss(rsa, "SHA-256", 0);
        pss(rsa, "SHA-256", 17);
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            KeyPair ec = token.ec(curve);
            for (String digest : digests) {
                check(ec, digest + "withECDSA", null);
            }
            check(ec, "SHA256withECDSAinP1363Format", null);
        }
        abandonedOperations(rsa);
        System.out.println("signatures hold");
    }

    private static void pss(KeyPair pair, String digest, int salt) throws Exception {
        check(pair, "RSASSA-PSS", new PSSParameterSpec(digest, "MGF1", new MGF1ParameterSpec(digest), salt, 1));
    }

    private static void check(KeyPair pair, String algorithm, AlgorithmParameterSpec parameters) throws Exception {
        String what = algorithm + " with " + pair.getPublic().getAlgorithm();
        for (int length : new int[] {0, 1, 1000, 100_000}) {
            byte[] message = Token.bytes(length);
            byte[] signature = sign(pair, algorithm, parameters, message);
            byte[] other = Token.bytes(length + 1);
            Signature here = with(Signature.getInstance(algorithm, token.provider), parameters);
            here.initVerify(pair.getPublic());
            Token.check(verify(here, message, signature), what + ": the token refuses its own");
            Token.check(!verify(here, other, signature), what + ": the token takes it for another message");
            Signature elsewhere = with(Signature.getInstance(algorithm, owner(pair)), parameters);
            elsewhere.initVerify(Token.soft(pair.getPublic()));
            Token.check(verify(elsewhere, message, signature), what + ": Java refuses it");
        }
    }

    private static String owner(KeyPair pair) {
        return pair.getPublic().getAlgorithm().equals("EC") ? "SunEC" : "SunRsaSign";
    }

    private static Signature with(Signature signature, AlgorithmParameterSpec parameters) throws Exception {
        if (parameters != null) {
            signature.setParameter(parameters);
        }
        return signature;
    }

    private static byte[] sign(KeyPair pair, String algorithm, AlgorithmParameterSpec parameters, byte[] message)
            throws Exception {
        Signature signature = with(Signature.getInstance(algorithm, token.provider), parameters);
        signature.initSign(pair.getPrivate());
        // In parts of uneven length.
        for (int at = 0; at < message.length; at += 7001) {
            signature.update(message, at, Math.min(7001, message.length - at));
        }
        return signature.sign();
    }

    private static boolean verify(Signature signature, byte[] message, byte[] made) throws SignatureException {
        signature.update(message);
        return signature.verify(made);
    }

    /** Sessions are pooled: what one user of a session began and dropped must not disturb the next. */
    private static void abandonedOperations(KeyPair pair) throws Exception {
        byte[] message = Token.bytes(100);
        for (int i = 0; i < 200; i++) {
            Signature dropped = Signature.getInstance("SHA256withRSA", token.provider);
            dropped.initSign(pair.getPrivate());
            dropped.update(message);
            Signature used = Signature.getInstance("SHA256withRSA", token.provider);
            used.initVerify(pair.getPublic());
            used.update(message);
            try {
                Token.check(!used.verify(new byte[256]), "zeros verify");
            } catch (SignatureException expected) {
                // A signature that can't be one may also be refused by an exception.
            }
        }
        check(pair, "SHA256withRSA", null);
    }
}
