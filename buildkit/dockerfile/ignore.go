package dockerfile

import "strings"

// Ignore is the text of the .dockerignore file: it lets through what the build needs, and nothing else
// (https://docs.docker.com/build/concepts/context/#dockerignore-files). Of two patterns that fit the later one counts.
func Ignore(s Spec) string {
	var b strings.Builder
	write := func(comment string, lines ...string) {
		if len(lines) > 0 {
			b.WriteString("\n# " + comment + "\n" + strings.Join(lines, "\n") + "\n")
		}
	}
	b.WriteString("#\n# Only what the build reads is sent to it, so that nothing else makes it run again.\n*\n")
	if s.Program.Built == "" {
		write("Sources of the program: other Go files than today's too, so that a new package is found.", allow(s.Ignore.Go)...)
		write("What is none of it: tests, other programs, what was built, what is no package.",
			append([]string{"**/*_test.go", "**/testdata", "**/node_modules", "**/magefile.go", "**/magefiles", ".git", "dist"}, folders(s.Ignore.Others)...)...)
		write("The module.", allow(s.Program.ModuleFiles)...)
	}
	write("Folders and files that are taken whole.", allow(s.Ignore.Paths)...)
	return b.String()
}

// allow are the patterns that let paths through.
func allow(paths []string) []string {
	var lines []string
	for _, p := range paths {
		lines = append(lines, "!"+literal(p))
	}
	return lines
}

func folders(paths []string) []string {
	var lines []string
	for _, p := range paths {
		lines = append(lines, literal(p))
	}
	return lines
}

// literal keeps a name that looks like a pattern from being one. Our own patterns have only stars.
func literal(p string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "?", `\?`).Replace(p)
}
