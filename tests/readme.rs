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

/// How long a run took is nobody's promise: `(3.7 s)` and `(812 ms)` become `(0 s)`.
fn without_elapsed(text: &str) -> String {
    let mut result = String::new();
    for line in text.lines() {
        let replaced = line.rfind('(').filter(|_| line.ends_with(" s)") || line.ends_with(" ms)")).map(|open| {
            let inside = &line[open + 1..];
            let is_time = inside.starts_with(|c: char| c.is_ascii_digit());
            if is_time { format!("{}(0 s)", &line[..open]) } else { line.to_owned() }
        });
        result.push_str(replaced.as_deref().unwrap_or(line).trim_end());
        result.push('\n');
    }
    result
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
            without_elapsed(&example.shown),
            without_elapsed(&printed),
            "README.md:{}: quorate {}",
            example.line,
            example.command.join(" ")
        );
    }
}
