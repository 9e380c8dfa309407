//! `jarshy import` through the binary: exit codes, report, standard input; and JSON lines.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::desk;

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Exit code, standard output, standard error.
pub fn jarshy(folder: &Path, arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jarshy"))
        .env_clear()
        .args(["--data", folder.to_str().unwrap()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn report(out: &str) -> Value {
    serde_json::from_str(out).unwrap()
}

#[test]
fn an_export_comes_in_by_file_and_by_standard_input_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = data("wordpress/small.wxr.xml");
    let (code, out, err) = jarshy(folder.path(), &["import", "wxr", &file], b"");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("taken            61"), "{out}");
    assert!(out.contains("it is in the trash") && out.contains("shortcode su_box"), "{out}");

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&std::fs::read(&file).unwrap()).unwrap();
    let packed = packed.finish().unwrap();
    let (code, out, err) = jarshy(folder.path(), &["import", "wxr", "-", "--json"], &packed);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let told = report(&out);
    assert_eq!((&told["taken"], &told["unchanged"]), (&json!(0), &json!(61)), "{told}");
}

#[test]
fn a_broken_export_ends_with_1_and_keeps_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data("wordpress/small.wxr.xml")).unwrap();
    let half = &whole[..whole.len() / 2];
    let (code, out, err) = jarshy(folder.path(), &["import", "wxr", "-", "--json"], half);
    let told = report(&out);
    assert_eq!(code, 1, "{told}");
    assert!(told["taken"].as_u64().unwrap() > 5, "{told}");
    let line = half.iter().filter(|b| **b == b'\n').count() + 1;
    assert_eq!(told["broken"][0]["line"], json!(line), "{told}");
    assert!(err.contains(&format!("standard input at line {line}")), "{err}");
}

#[test]
fn a_dry_run_makes_nothing_not_even_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("not-yet");
    let file = data("wordpress/small.wxr.xml");
    let (code, out, err) = jarshy(&inner, &["import", "wxr", &file, "--dry-run"], b"");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("Dry run: nothing was written.\ntaken            61"), "{out}");
    assert!(!inner.exists());
}

#[test]
fn wrong_input_is_told_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let page = data("seed/article.txt");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["import", "wxr", "/no/such.xml"], 1, "/no/such.xml: there is no such file"),
        (&["import", "page", &page], 1, "--url"),
        (&["import", "page", &page, &page, "--id", "a"], 1, "one file"),
        (&["import", "wxr", "-", "-"], 1, "once"),
        (&["import", "wxr", "x", "--prefix", "a b"], 2, "prefix"),
        (&["import", "page", &page, "--url", "ftp://x"], 2, "http"),
    ];
    for (arguments, wanted, why) in cases {
        let (code, _, err) = jarshy(folder.path(), arguments, b"");
        assert_eq!(code, wanted, "{arguments:?}: {err}");
        assert!(err.contains(why), "{why}: {err}");
    }
}

#[test]
fn json_lines_come_in_each_on_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let line = |id: &str, changes: Value| {
        let mut story = desk::story_with(changes);
        story["id"] = json!(id);
        story.to_string()
    };
    let lines = [
        line("a1", json!({})),
        String::new(),
        desk::story().to_string(),
        line("a2", json!({"status": "nonsense"})),
        "{\"id\":".into(),
        line("a3", json!({"published_at": "2030-01-01T00:00:00Z"})),
        format!("{}{}", line("a4", json!({})), " ".repeat(17 << 20)),
        line("a5", json!({"surprise": 1})),
        line("a6", json!({})),
    ];
    let input = format!("\u{feff}{}", lines.join("\r\n"));
    let arguments = ["import", "jsonl", "-", "--json"];
    let (code, out, err) = jarshy(folder.path(), &arguments, input.as_bytes());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let told = report(&out);
    assert_eq!((&told["taken"], &told["skipped"]), (&json!(3), &json!(5)), "{told}");
    let named = |line: &str| {
        let all = told["skipped_named"].as_array().unwrap();
        all.iter().find(|s| s["name"] == line).unwrap()["why"].as_str().unwrap().to_owned()
    };
    assert!(named("line 3").contains("id"), "{told}");
    assert!(named("line 4").contains("status"), "{told}");
    assert!(named("line 5").contains("JSON"), "{told}");
    assert!(named("line 7").contains("longer than"), "{told}");
    assert!(named("line 8").contains("surprise"), "{told}");
    let (_, out, _) = jarshy(folder.path(), &arguments, input.as_bytes());
    assert_eq!(report(&out)["unchanged"], json!(3));
}
