package main

import (
	"fmt"
	"io"
	"strings"
)

// generateYAML is the subcommand generate-yaml: documents that YAML 1.1, YAML 1.2 and their readers disagree about.
func generateYAML(_ []string, _ io.Reader, out io.Writer) error {
	var cases []textCase
	for _, word := range []string{"y", "n", "yes", "no", "on", "off", "true", "false"} {
		for _, variant := range caseVariants(word) {
			cases = append(cases,
				newTextCase("boolean-value-"+variant, "a: "+variant+"\n"),
				newTextCase("boolean-key-"+variant, variant+": a\n"))
		}
	}
	for _, word := range []string{"null", "~"} {
		for _, variant := range caseVariants(word) {
			cases = append(cases,
				newTextCase("null-value-"+variant, "a: "+variant+"\n"),
				newTextCase("null-key-"+variant, variant+": a\n"))
		}
	}
	for group, scalars := range map[string][]string{"integer": yamlIntegers, "float": yamlFloats, "other": yamlOtherScalars} {
		for _, scalar := range scalars {
			cases = append(cases, newTextCase(group+"-value-"+scalar, "a: "+scalar+"\n"))
		}
	}
	for _, scalar := range yamlKeyScalars {
		cases = append(cases, newTextCase("scalar-key-"+scalar, scalar+": a\n"))
	}
	for _, tagged := range yamlTagged {
		cases = append(cases, newTextCase("tagged-value-"+tagged, "a: "+tagged+"\n"))
	}
	for _, quoted := range yamlQuoted {
		cases = append(cases, newTextCase("quoted-"+quoted, "a: "+quoted+"\n"))
	}
	for _, table := range [][]namedText{yamlBlocks, yamlMappings, yamlAliases, yamlBytes, yamlDocuments, yamlFlows} {
		for _, one := range table {
			cases = append(cases, newTextCase(one.id, one.text))
		}
	}
	cases = append(cases, controlCharacterCases()...)
	cases = append(cases, largeYAMLCases()...)
	sortByID(cases)
	return writeTextCases(out, cases)
}

// caseVariants are all ways to write word in small and capital letters.
func caseVariants(word string) []string {
	variants := []string{""}
	for _, letter := range word {
		lower, upper := strings.ToLower(string(letter)), strings.ToUpper(string(letter))
		longer := make([]string, 0, 2*len(variants))
		for _, variant := range variants {
			longer = append(longer, variant+lower)
			if upper != lower {
				longer = append(longer, variant+upper)
			}
		}
		variants = longer
	}
	return variants
}

// controlCharacterCases puts every control character, and some of Unicode's special ones, into plain and quoted scalars.
func controlCharacterCases() []textCase {
	var cases []textCase
	characters := []rune{0x7f, 0x80, 0x84, 0x85, 0x86, 0x9f, 0xa0, 0xad, 0x200b, 0x2028, 0x2029, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600, 0x10ffff}
	for control := rune(0); control < 0x20; control++ {
		characters = append(characters, control)
	}
	for _, character := range characters {
		cases = append(cases,
			newTextCase(fmt.Sprintf("character-plain-U+%04X", character), "a: x"+string(character)+"y\n"),
			newTextCase(fmt.Sprintf("character-quoted-U+%04X", character), "a: \"x"+string(character)+"y\"\n"))
	}
	return cases
}

// largeYAMLCases are limits: nesting, aliases, length of keys and scalars.
func largeYAMLCases() []textCase {
	cases := []textCase{
		newTextCase("depth-flow-sequence-100", strings.Repeat("[", 100)+strings.Repeat("]", 100)+"\n"),
		newTextCase("depth-flow-sequence-9999", strings.Repeat("[", 9_999)+strings.Repeat("]", 9_999)+"\n"),
		newTextCase("depth-flow-sequence-10000", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+"\n"),
		newTextCase("depth-flow-sequence-10001", strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)+"\n"),
		newTextCase("depth-flow-mapping-10000", strings.Repeat("{a: ", 10_000)+"1"+strings.Repeat("}", 10_000)+"\n"),
		newTextCase("depth-flow-mapping-10001", strings.Repeat("{a: ", 10_001)+"1"+strings.Repeat("}", 10_001)+"\n"),
		newTextCase("depth-block-sequence-10000", strings.Repeat("- ", 10_000)+"a\n"),
		newTextCase("depth-block-sequence-10001", strings.Repeat("- ", 10_001)+"a\n"),
		newTextCase("alias-bomb", aliasBomb(9, 9)),
		newTextCase("alias-many-small", aliasFanOut(2_000)),
		newTextCase("long-implicit-key-1024", strings.Repeat("k", 1_024)+": a\n"),
		newTextCase("long-implicit-key-1023", strings.Repeat("k", 1_023)+": a\n"),
		newTextCase("long-implicit-key-1025", strings.Repeat("k", 1_025)+": a\n"),
		newTextCase("long-quoted-key-1030", "\""+strings.Repeat("k", 1_030)+"\": a\n"),
		newTextCase("long-flow-key-1030", "{"+strings.Repeat("k", 1_030)+": a}\n"),
		newTextCase("long-explicit-key-1030", "? "+strings.Repeat("k", 1_030)+"\n: a\n"),
		newTextCase("long-plain-scalar", "a: "+strings.Repeat("x ", 5_000)+"\n"),
	}
	for i := range cases {
		cases[i].OutcomeOnly = true
	}
	return cases
}

// aliasBomb is a document of levels anchors, each a list of width aliases to the one before ("billion laughs").
func aliasBomb(levels, width int) string {
	var text strings.Builder
	text.WriteString("a0: &a0 [x]\n")
	for level := 1; level <= levels; level++ {
		aliases := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", level-1), width), ", ")
		fmt.Fprintf(&text, "a%d: &a%d [%s]\n", level, level, aliases)
	}
	return text.String()
}

// aliasFanOut repeats one small alias count times, which is no attack.
func aliasFanOut(count int) string {
	return "base: &base {a: 1, b: 2}\nitems:\n" + strings.Repeat("- *base\n", count)
}
