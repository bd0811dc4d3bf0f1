//! The README shows what the commands print: each console block is run and compared.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A command of the README and what it shows.
struct Example {
    command: Vec<String>,
    shown: String,
    line: usize,
}

/// Console blocks whose command is `quorate …`. A block with another command is an instruction, not an example.
fn examples(text: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line != "```console" {
            continue;
        }
        let Some((_, command)) = lines.next() else { break };
        let mut shown = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
            shown.push_str(line);
            shown.push('\n');
        }
        if let Some(arguments) = command.strip_prefix("$ quorate ") {
            let command = arguments.split_whitespace().map(str::to_owned).collect();
            examples.push(Example { command, shown, line: number + 1 });
        }
    }
    examples
}

/// The words of a text. How long a run took is nobody's promise, and moves the last line's breaks: `(3.7 s)` is left out, and
/// layout is left to the snapshots.
fn words(text: &str) -> Vec<&str> {
    let all: Vec<&str> = text.split_whitespace().collect();
    let is_elapsed = |first: &str, second: Option<&&str>| {
        first.strip_prefix('(').is_some_and(|number| number.parse::<f64>().is_ok())
            && second.is_some_and(|unit| matches!(*unit, "s)" | "ms)"))
    };
    let mut words = Vec::new();
    let mut index = 0;
    while let Some(word) = all.get(index) {
        let elapsed = is_elapsed(word, all.get(index + 1));
        if !elapsed {
            words.push(*word);
        }
        index += if elapsed { 2 } else { 1 };
    }
    words
}

#[test]
fn the_readme_shows_what_the_commands_print() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let examples = examples(&text);
    assert!(examples.len() >= 5, "the README has examples");
    for example in examples {
        let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(&example.command)
            .current_dir(root)
            .env("NO_COLOR", "1")
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .output()
            .unwrap();
        let printed =
            format!("{}{}", String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(
            words(&example.shown),
            words(&printed),
            "README.md:{}: quorate {}",
            example.line,
            example.command.join(" ")
        );
    }
}
