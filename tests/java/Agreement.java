import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import javax.crypto.KeyAgreement;

/** ECDH between a key on the token and one of Java's own. */
final class Agreement {
    public static void main(String[] arguments) throws Exception {
        Token token = Token.open(arguments);
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            KeyPair here = token.ec(curve);
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "SunEC");
            generator.initialize(new ECGenParameterSpec(curve));
            KeyPair there = generator.generateKeyPair();

            KeyAgreement ours = KeyAgreement.getInstance("ECDH", token.provider);
            ours.init(here.getPrivate());
            ours.doPhase(there.getPublic(), true);
            KeyAgreement theirs = KeyAgreement.getInstance("ECDH", "SunEC");
            theirs.init(there.getPrivate());
            theirs.doPhase(Token.soft(here.getPublic()), true);
            Token.same(ours.generateSecret(), theirs.generateSecret(), curve);
        }
        System.out.println("secrets agree");
    }
}
