import java.net.InetAddress;
import java.net.Socket;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;

/** Java's TLS server with the key store's keys `rsa` and `ec`; the client is Java's own and knows no token. */
final class Tls {
    private static final int HANDSHAKES = 50;

    public static void main(String[] arguments) throws Exception {
        Token token = Token.open(arguments);
        for (String alias : List.of("rsa", "ec")) {
            X509Certificate certificate = (X509Certificate) token.store.getCertificate(alias);
            SSLContext server = SSLContext.getInstance("TLS");
            server.init(new KeyManager[] {new OneKey(token.store, alias)}, null, null);
            for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
                long begun = System.nanoTime();
                serve(server, protocol, certificate);
                double seconds = (System.nanoTime() - begun) / 1e9;
                System.out.printf("%s, %s: %.0f full handshakes/s%n", alias, protocol, HANDSHAKES / seconds);
            }
        }
        System.out.println("hands shaken");
    }

    private static void serve(SSLContext context, String protocol, X509Certificate certificate) throws Exception {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        try (SSLServerSocket listener =
                (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 10, loopback)) {
            listener.setSoTimeout(20_000);
            Thread server = new Thread(() -> {
                for (int i = 0; i < HANDSHAKES; i++) {
                    try (Socket socket = listener.accept()) {
                        socket.setTcpNoDelay(true);
                        socket.getOutputStream().write('!');
                    } catch (java.io.IOException failed) {
                        failed.printStackTrace();
                    }
                }
            });
            server.start();
            for (int i = 0; i < HANDSHAKES; i++) {
                // A context of its own has no session to resume.
                SSLContext client = trusting(certificate);
                try (SSLSocket socket =
                        (SSLSocket) client.getSocketFactory().createSocket(loopback, listener.getLocalPort())) {
                    socket.setSoTimeout(20_000);
                    socket.setTcpNoDelay(true);
                    socket.setEnabledProtocols(new String[] {protocol});
                    Token.check(socket.getInputStream().read() == '!', "no answer");
                    Token.check(socket.getSession().getProtocol().equals(protocol), "another protocol");
                    Token.check(
                        socket.getSession().getPeerCertificates()[0].equals(certificate), "another certificate");
                }
            }
            server.join();
        }
    }

    private static SSLContext trusting(X509Certificate certificate) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("server", certificate);
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    /** Presents one key of a store, to whom it suits. */
    private static final class OneKey extends X509ExtendedKeyManager {
        private final String alias;
        private final PrivateKey key;
        private final X509Certificate certificate;

        OneKey(KeyStore store, String alias) throws Exception {
            this.alias = alias;
            this.key = (PrivateKey) store.getKey(alias, null);
            this.certificate = (X509Certificate) store.getCertificate(alias);
        }

        private String suits(String type) {
            return type.startsWith(key.getAlgorithm()) ? alias : null;
        }

        @Override
        public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
            return suits(type);
        }

        @Override
        public String chooseEngineServerAlias(String type, Principal[] issuers, SSLEngine engine) {
            return suits(type);
        }

        @Override
        public X509Certificate[] getCertificateChain(String wanted) {
            return new X509Certificate[] {certificate};
        }

        @Override
        public PrivateKey getPrivateKey(String wanted) {
            return key;
        }

        @Override
        public String[] getServerAliases(String type, Principal[] issuers) {
            return new String[] {alias};
        }

        @Override
        public String[] getClientAliases(String type, Principal[] issuers) {
            return null;
        }

        @Override
        public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
            return null;
        }
    }
}
