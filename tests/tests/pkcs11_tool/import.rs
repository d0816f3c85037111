//! What others made comes into the cluster: keys, certificates, data.

use strongroom_testkit::Cluster;
use strongroom_tests::workbench::Workbench;

#[test]
fn imported_private_keys_sign_and_decrypt() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("data", "data");
    for (id, options) in
        [("01", "rsa -pkeyopt rsa_keygen_bits:2048"), ("02", "rsa -pkeyopt rsa_keygen_bits:4096")]
    {
        bench.openssl(&format!("genpkey -algorithm {options} -outform DER -out {id}.p8"));
        bench.openssl(&format!("pkey -inform DER -in {id}.p8 -pubout -out public.pem"));
        bench.openssl("pkey -pubin -in public.pem -outform DER -out public.der");
        bench.tool(&format!(
            "--write-object {id}.p8 --type privkey --id {id} --label {id} --usage-sign --usage-decrypt"
        ));
        bench.tool(&format!("--write-object public.der --type pubkey --id {id} --label {id}"));
        // With PKCS#1's padding, a signature is always the same.
        bench.tool(&format!("--sign -m SHA384-RSA-PKCS --id {id} -i data -o ours"));
        bench.openssl(&format!("dgst -sha384 -keyform DER -sign {id}.p8 -out theirs data"));
        bench.same("ours", "theirs");
        bench.openssl("pkeyutl -encrypt -pubin -inkey public.pem -in data -out encrypted");
        bench.tool(&format!("--decrypt -m RSA-PKCS --id {id} -i encrypted -o decrypted"));
        bench.same("decrypted", "data");
        assert_eq!(bench.read(&bench.public_key(id)), bench.read("public.pem"));
    }
    let imported = bench.objects();
    let private: Vec<_> = imported.iter().filter(|object| object.heading.starts_with("Private")).collect();
    // It was outside once, so it's neither local nor always sensitive.
    assert!(private.iter().all(|key| key.field("Access") == "sensitive"), "{private:?}");
}

#[test]
fn imported_ec_keys_sign_and_derive() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("data", "data");
    for (number, curve) in crate::CURVES.iter().enumerate() {
        let id = format!("0{number}");
        bench.openssl(&format!("ecparam -name {curve} -genkey -noout -outform DER -out private"));
        bench.openssl("ec -inform DER -in private -pubout -out public");
        bench.openssl("ec -inform DER -in private -pubout -outform DER -out public.der");
        bench.tool(&format!(
            "--write-object private --type privkey --id {id} --label {curve} --usage-sign --usage-derive"
        ));
        bench
            .tool(&format!("--write-object public.der --type pubkey --id {id} --label {curve} --usage-sign"));
        assert_eq!(bench.read(&bench.public_key(&id)), bench.read("public"), "{curve}");
        let ecdsa = format!("-m ECDSA-SHA256 --signature-format openssl --id {id} -i data");
        bench.tool(&format!("--sign {ecdsa} -o signature"));
        bench.openssl("dgst -sha256 -verify public -signature signature data");
        bench.openssl("dgst -sha256 -keyform DER -sign private -out theirs data");
        let verified = bench.tool(&format!("--verify {ecdsa} --signature-file theirs"));
        assert!(verified.contains("Signature is valid"), "{verified}");

        bench.openssl(&format!("ecparam -name {curve} -genkey -noout -out peer"));
        bench.openssl("ec -in peer -pubout -outform DER -out peer.der");
        bench.tool(&format!("--derive -m ECDH1-DERIVE --id {id} -i peer.der -o ours"));
        bench.openssl("pkeyutl -derive -inkey peer -peerkey public -out theirs");
        bench.same("ours", "theirs");
    }
}

#[test]
fn certificates_and_data_come_back_as_they_went() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.openssl("req -x509 -newkey rsa:2048 -nodes -keyout key -subj /CN=mine/O=us -days 9 -outform DER -out mine.crt");
    let written = bench.tool("--write-object mine.crt --type cert --id 01 --label mine");
    assert!(written.contains("Certificate Object; type = X.509 cert"), "{written}");
    assert!(written.contains("CN=mine") && written.contains("O=us"), "{written}");
    bench.tool("--read-object --type cert --id 01 -o back");
    bench.same("back", "mine.crt");

    bench.write("note", b"\x00\x01 anything \xff");
    bench.tool(
        "--write-object note --type data --label public --application-label app --application-id 1.2.840.1",
    );
    bench.tool("--write-object note --type data --label secret --private");
    for which in ["--label public", "--application-label app", "--application-id 1.2.840.1", "--label secret"]
    {
        bench.write("back", "");
        bench.tool(&format!("--read-object --type data {which} -o back"));
        bench.same("back", "note");
    }
    // The tool reads no more than 5,000 bytes.
    bench.write("large", vec![0xa5; 5000]);
    bench.tool("--write-object large --type data --label large");
    bench.tool("--read-object --type data --label large -o back");
    bench.same("back", "large");

    let everybody: Vec<String> =
        bench.objects_of_nobody().iter().map(|object| object.field("label").replace('\'', "")).collect();
    assert_eq!(everybody, ["mine", "public", "large"]);
    bench.tool("--delete-object --type cert --id 01");
    bench.tool("--delete-object --type data --label secret");
    bench.tool("--delete-object --type data --application-label app");
    bench.tool("--delete-object --type data --label large");
    assert_eq!(bench.objects().len(), 0);
}
