//! Keys are made, listed, read, given another ID, and deleted.

use strongroom_testkit::{Cluster, run};
use strongroom_tests::workbench::{Workbench, listed};

use crate::{CURVES, value};

#[test]
fn key_pairs_of_every_kind_are_made_listed_and_deleted() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    let rsa = ["1024", "2048", "3072", "4096"].map(|bits| format!("rsa:{bits}"));
    let kinds: Vec<String> = rsa.into_iter().chain(CURVES.map(|curve| format!("EC:{curve}"))).collect();
    for (number, kind) in kinds.iter().enumerate() {
        let said = bench.tool(&format!("--keypairgen --key-type {kind} --id a{number} --label key{number}"));
        let [private, public] = &listed(&said)[..] else { panic!("not two objects: {said}") };
        for half in [private, public] {
            assert_eq!(
                (half.field("ID"), half.field("label")),
                (&*format!("a{number}"), &*format!("key{number}"))
            );
        }
        let access = "sensitive, always sensitive, never extractable, local";
        assert_eq!((private.field("Access"), public.field("Access")), (access, "local"), "{said}");
        let (uses, used) = if kind.starts_with("rsa") {
            ("decrypt, sign, unwrap", "encrypt, verify, wrap")
        } else {
            ("sign, derive", "verify, derive")
        };
        assert_eq!((private.field("Usage"), public.field("Usage")), (uses, used), "{said}");
    }

    assert_eq!(bench.objects().len(), 2 * kinds.len());
    let public = bench.objects_of_nobody();
    assert_eq!(public.len(), kinds.len());
    assert!(public.iter().all(|object| object.heading.starts_with("Public Key")), "{public:?}");

    for (number, kind) in kinds.iter().enumerate() {
        let shown = bench
            .openssl(&format!("pkey -pubin -noout -text -in {}", bench.public_key(&format!("a{number}"))));
        let of = kind.split_once(':').expect("a kind and a size").1;
        let bits = match of {
            "secp224r1" => "224",
            "prime256v1" | "secp256k1" => "256",
            "secp384r1" => "384",
            "secp521r1" => "521",
            bits => bits,
        };
        assert!(shown.stdout().contains(&format!("Public-Key: ({bits} bit)")), "{}", shown.report());
    }

    for number in 0..kinds.len() {
        bench.tool(&format!("--delete-object --type privkey --id a{number}"));
        bench.tool(&format!("--delete-object --type pubkey --label key{number}"));
    }
    assert_eq!(bench.objects().len(), 0);
    let gone = bench.tool_fails("--delete-object --type privkey --id a0");
    assert!(gone.contains("object not found"), "{gone}");
}

#[test]
fn secret_keys_are_made_and_show_their_value_only_if_they_may() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    for (kind, length) in [("AES", 16), ("AES", 24), ("AES", 32), ("GENERIC", 1), ("GENERIC", 64)] {
        let make = format!("--keygen --key-type {kind}:{length} --id 0{} --private", length % 10);
        bench.tool(&format!("{make} --label open{kind}{length} --extractable"));
        bench.tool(&format!("--read-object --type secrkey --label open{kind}{length} -o value"));
        assert_eq!(bench.read("value").len(), length);
        let closed = bench.tool(&format!("{make} --label closed --extractable --sensitive"));
        assert!(!closed.contains("VALUE:"), "{closed}");
        assert_eq!(value(&closed, "Access"), "sensitive, always sensitive, extractable, local");
        let kept = bench.tool(&format!("{make} --label kept --sensitive"));
        assert_eq!(value(&kept, "Access"), "sensitive, always sensitive, never extractable, local");
        let refused = bench.tool_fails("--read-object --type secrkey --label closed -o value");
        assert!(refused.contains("CKR_ATTRIBUTE_SENSITIVE"), "{refused}");
    }
    assert_eq!((bench.objects().len(), bench.objects_of_nobody().len()), (15, 0));
    for size in [15, 17, 33] {
        let said = bench.tool_fails(&format!("--keygen --key-type AES:{size} --label odd"));
        assert!(said.contains("CKR_KEY_SIZE_RANGE"), "{said}");
    }
    assert_eq!(bench.objects().len(), 15);
}

#[test]
fn an_id_is_changed_on_every_node() {
    let cluster = Cluster::builder().nodes(3).start();
    let bench = Workbench::new(&cluster);
    bench.tool("--keypairgen --key-type EC:prime256v1 --id 01 --label one");
    bench.write("data", "data");
    for (from, to) in [("01", "02"), ("02", "0304"), ("0304", "05")] {
        bench.tool(&format!("--type privkey --id {from} --set-id {to}"));
        bench.tool(&format!("--type pubkey --id {from} --set-id {to}"));
        assert!(bench.objects().iter().all(|object| object.field("ID") == to));
        // Each process begins with another node.
        for _ in 0..3 {
            bench.tool(&format!("--sign -m ECDSA-SHA256 --id {to} -i data -o signature"));
            bench.tool_fails(&format!("--sign -m ECDSA-SHA256 --id {from} -i data -o signature"));
        }
    }
}

#[test]
fn random_bytes_and_digests_come_without_a_login() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    let random = || run(&mut bench.tool_as_nobody("--generate-random 64")).stdout_bytes().to_vec();
    let (one, other) = (random(), random());
    assert_eq!((one.len(), other.len()), (64, 64));
    assert_ne!(one, other);

    bench.write("data", vec![0x5a; 100_000]);
    for (openssl, pkcs11) in crate::DIGESTS {
        run(&mut bench.tool_as_nobody(&format!("--hash -m {pkcs11} -i data -o ours")));
        bench.openssl(&format!("dgst -{openssl} -binary -out theirs data"));
        bench.same("ours", "theirs");
    }
}
