package dockerfile

import "strings"

// Ignore returns the text of the .dockerignore file. It allows what the build needs, and nothing else
// (https://docs.docker.com/build/concepts/context/#dockerignore-files). If two patterns match, the later one counts.
func Ignore(s Spec) string {
	var b strings.Builder
	write := func(comment string, lines ...string) {
		if len(lines) > 0 {
			b.WriteString("\n# " + comment + "\n" + strings.Join(lines, "\n") + "\n")
		}
	}
	b.WriteString("#\n# Only files that the build reads are sent to it, so that no other file causes a new build.\n*\n")
	if s.Program.Built == "" {
		write("Sources of the program. They include future Go files, so that new packages are found.", allow(s.Ignore.Go)...)
		write("Not part of the program: tests, other programs, build output, folders that are not packages.",
			append([]string{"**/*_test.go", "**/testdata", "**/node_modules", "**/magefile.go", "**/magefiles", ".git", "dist"}, folders(s.Ignore.Others)...)...)
		write("The module.", allow(s.Program.ModuleFiles)...)
	}
	write("Folders with all their files, and single files.", allow(s.Ignore.Paths)...)
	return b.String()
}

// allow returns the patterns that allow paths.
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

// literal escapes a name that looks like a pattern. The package's own patterns have only stars.
func literal(p string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "?", `\?`).Replace(p)
}
