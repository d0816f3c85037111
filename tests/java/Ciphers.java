import java.io.ByteArrayOutputStream;
import java.security.KeyPair;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Ciphers, compared with SunJCE's where both know the key. */
final class Ciphers {
    private static Token token;

    public static void main(String[] arguments) throws Exception {
        token = Token.open(arguments);
        for (int bits : new int[] {128, 192, 256}) {
            SecretKey known = new SecretKeySpec(Token.bytes(bits / 8), "AES");
            compare(known, "AES/ECB/NoPadding", null, true);
            compare(known, "AES/ECB/PKCS5Padding", null, false);
            IvParameterSpec iv = new IvParameterSpec(Token.bytes(16));
            compare(known, "AES/CBC/NoPadding", iv, true);
            compare(known, "AES/CBC/PKCS5Padding", iv, false);
            compare(known, "AES/CTR/NoPadding", iv, false);
            gcm(known);
        }
        SecretKey made = generate(256);
        for (String mode : new String[] {"AES/CBC/PKCS5Padding", "AES/CTR/NoPadding", "AES/GCM/NoPadding"}) {
            roundTrip(made, mode);
        }
        rsa();
        wrapping();
        System.out.println("ciphers agree");
    }

    private static SecretKey generate(int bits) throws Exception {
        KeyGenerator generator = KeyGenerator.getInstance("AES", token.provider);
        generator.init(bits);
        return generator.generateKey();
    }

    private static void compare(SecretKey key, String mode, AlgorithmParameterSpec iv, boolean wholeBlocks)
            throws Exception {
        for (int length : new int[] {0, 1, 15, 16, 17, 160, 1000, 4096, 100_000}) {
            if (wholeBlocks && length % 16 != 0) {
                continue;
            }
            byte[] clear = Token.bytes(length);
            Cipher soft = Cipher.getInstance(mode, "SunJCE");
            soft.init(Cipher.ENCRYPT_MODE, key, iv);
            byte[] expected = soft.doFinal(clear);
            Cipher cipher = Cipher.getInstance(mode, token.provider);
            String what = mode + " of " + length + " bytes";
            cipher.init(Cipher.ENCRYPT_MODE, key, iv);
            Token.same(cipher.doFinal(clear), expected, what);
            Token.same(inParts(cipher, clear), expected, what + " in parts");
            cipher.init(Cipher.DECRYPT_MODE, key, iv);
            Token.same(cipher.doFinal(expected), clear, what + " decrypted");
            Token.same(inParts(cipher, expected), clear, what + " decrypted in parts");
        }
    }

    private static byte[] inParts(Cipher cipher, byte[] input) throws Exception {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        for (int at = 0; at < input.length; at += 77) {
            byte[] part = cipher.update(input, at, Math.min(77, input.length - at));
            if (part != null) {
                output.write(part);
            }
        }
        output.write(cipher.doFinal());
        return output.toByteArray();
    }

    private static void gcm(SecretKey key) throws Exception {
        for (int length : new int[] {0, 1, 16, 1000, 100_000}) {
            for (int aad : new int[] {0, 5, 64}) {
                byte[] iv = Token.bytes(12);
                iv[0] = (byte) length;
                iv[1] = (byte) (length >> 8);
                iv[2] = (byte) aad;
                GCMParameterSpec parameters = new GCMParameterSpec(128, iv);
                byte[] clear = Token.bytes(length);
                String what = "GCM of " + length + " bytes with " + aad;
                byte[] expected = gcm("SunJCE", Cipher.ENCRYPT_MODE, key, parameters, aad, clear);
                String ours = token.provider.getName();
                Token.same(gcm(ours, Cipher.ENCRYPT_MODE, key, parameters, aad, clear), expected, what);
                Token.same(gcm(ours, Cipher.DECRYPT_MODE, key, parameters, aad, expected), clear, what + " decrypted");
                byte[] damaged = expected.clone();
                damaged[damaged.length - 1] ^= 1;
                try {
                    gcm(ours, Cipher.DECRYPT_MODE, key, parameters, aad, damaged);
                    throw new AssertionError(what + ": a damaged tag is accepted");
                } catch (AEADBadTagException expectedException) {
                    // As it should be.
                }
            }
        }
    }

    private static byte[] gcm(
            String provider, int mode, SecretKey key, GCMParameterSpec parameters, int aad, byte[] input)
            throws Exception {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding", provider);
        cipher.init(mode, key, parameters);
        cipher.updateAAD(Token.bytes(aad));
        return inParts(cipher, input);
    }

    /** A key that never leaves the token, and an IV that the provider makes. */
    private static void roundTrip(SecretKey key, String mode) throws Exception {
        byte[] clear = Token.bytes(12345);
        Cipher cipher = Cipher.getInstance(mode, token.provider);
        cipher.init(Cipher.ENCRYPT_MODE, key);
        byte[] iv = cipher.getIV();
        byte[] sealed = cipher.doFinal(clear);
        Token.check(!Arrays.equals(Arrays.copyOf(sealed, 32), Arrays.copyOf(clear, 32)), mode + " does nothing");
        AlgorithmParameterSpec parameters =
            mode.contains("GCM") ? new GCMParameterSpec(128, iv) : new IvParameterSpec(iv);
        cipher.init(Cipher.DECRYPT_MODE, key, parameters);
        Token.same(cipher.doFinal(sealed), clear, mode);
    }

    private static void rsa() throws Exception {
        KeyPair pair = token.rsa(2048);
        for (int length : new int[] {0, 1, 100, 245}) {
            byte[] clear = Token.bytes(length);
            for (String provider : new String[] {token.provider.getName(), "SunJCE"}) {
                Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", provider);
                boolean soft = provider.equals("SunJCE");
                cipher.init(Cipher.ENCRYPT_MODE, soft ? Token.soft(pair.getPublic()) : pair.getPublic());
                byte[] sealed = cipher.doFinal(clear);
                Cipher opener = Cipher.getInstance("RSA/ECB/PKCS1Padding", token.provider);
                opener.init(Cipher.DECRYPT_MODE, pair.getPrivate());
                Token.same(opener.doFinal(sealed), clear, "RSA of " + length + " bytes from " + provider);
            }
        }
    }

    private static void wrapping() throws Exception {
        KeyPair pair = token.rsa(2048);
        SecretKey known = new SecretKeySpec(Token.bytes(32), "AES");
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", token.provider);
        cipher.init(Cipher.WRAP_MODE, pair.getPublic());
        byte[] wrapped = cipher.wrap(known);
        cipher.init(Cipher.UNWRAP_MODE, pair.getPrivate());
        SecretKey unwrapped = (SecretKey) cipher.unwrap(wrapped, "AES", Cipher.SECRET_KEY);
        Cipher here = Cipher.getInstance("AES/ECB/NoPadding", token.provider);
        here.init(Cipher.ENCRYPT_MODE, unwrapped);
        Cipher soft = Cipher.getInstance("AES/ECB/NoPadding", "SunJCE");
        soft.init(Cipher.ENCRYPT_MODE, known);
        byte[] block = Token.bytes(16);
        Token.same(here.doFinal(block), soft.doFinal(block), "the key that was wrapped and unwrapped");
    }
}
