//! Writes the texts of the recorded cases as the first corpus: `cargo run --bin seed_corpus` in this directory.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("corpus/load");
    fs::create_dir_all(&corpus)?;
    for file in ["yaml", "split"] {
        let cases = fs::read_to_string(here.join("../fixtures/oracle/1.36.3").join(file).with_extension("jsonl"))?;
        for (number, line) in cases.lines().enumerate() {
            // Only the text is wanted; numbers in the answers may be beyond what can be read.
            let Some((_, text)) = line.split_once("\"text\":") else { continue };
            let Some(Ok(text)) = serde_json::Deserializer::from_str(text).into_iter::<String>().next() else {
                continue;
            };
            if text.len() < 4096 {
                fs::write(corpus.join(format!("{file}-{number}")), text)?;
            }
        }
    }
    Ok(())
}
