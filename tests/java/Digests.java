import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.BitSet;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** Digests, MACs and random bytes. */
final class Digests {
    public static void main(String[] arguments) throws Exception {
        Token token = Token.open(arguments);
        // MACs first: Java closes a session after each digest, and with the last session the login ends
        // (PKCS#11 3.2, C_CloseSession), unless something holds a key.
        for (String name : new String[] {"HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512"}) {
            for (int keyLength : new int[] {1, 16, 64, 200}) {
                SecretKey key = new SecretKeySpec(Token.bytes(keyLength), name);
                Mac mac = Mac.getInstance(name, token.provider);
                Mac soft = Mac.getInstance(name, "SunJCE");
                mac.init(key);
                soft.init(key);
                for (int length : new int[] {0, 1, 1000, 100_000}) {
                    byte[] message = Token.bytes(length);
                    byte[] expected = soft.doFinal(message);
                    Token.same(mac.doFinal(message), expected, name + " of " + length + " bytes");
                    mac.update(message, 0, length / 3);
                    mac.update(message, length / 3, length - length / 3);
                    Token.same(mac.doFinal(), expected, name + " in parts");
                }
            }
        }
        for (String name : new String[] {"SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}) {
            MessageDigest digest = MessageDigest.getInstance(name, token.provider);
            MessageDigest soft = MessageDigest.getInstance(name, "SUN");
            for (int length : new int[] {0, 1, 63, 64, 65, 1000, 300_000}) {
                byte[] message = Token.bytes(length);
                byte[] expected = soft.digest(message);
                Token.same(digest.digest(message), expected, name + " of " + length + " bytes");
                for (int at = 0; at < length; at += 4001) {
                    digest.update(message, at, Math.min(4001, length - at));
                }
                Token.same(digest.digest(), expected, name + " in parts");
            }
        }
        SecureRandom random = SecureRandom.getInstance("PKCS11", token.provider);
        byte[] first = new byte[4096];
        byte[] second = new byte[4096];
        random.nextBytes(first);
        random.nextBytes(second);
        Token.check(!Arrays.equals(first, second), "the same random bytes twice");
        int ones = BitSet.valueOf(first).cardinality();
        Token.check(ones > 15_000 && ones < 17_800, ones + " of 32768 random bits are ones");
        System.out.println("digests agree");
    }
}
