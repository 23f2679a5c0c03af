package filelock_test

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"testing"
)

// The package compiles for systems that lack flock(2). The tests for other systems run on those systems.
func TestPlatforms(t *testing.T) {
	for _, system := range []string{"solaris", "aix"} {
		t.Run(system, func(t *testing.T) {
			before := build.Default
			defer func() { build.Default = before }()
			// The source importer reads the system from this variable.
			build.Default.GOOS, build.Default.GOARCH, build.Default.CgoEnabled = system, "amd64", false
			if system == "aix" {
				build.Default.GOARCH = "ppc64"
			}
			p, err := build.ImportDir(".", 0)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			var files []*ast.File
			for _, name := range p.GoFiles {
				f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
			}
			check := types.Config{Importer: importer.ForCompiler(fset, "source", nil), Error: func(err error) { t.Error(err) }}
			check.Check("filelock", fset, files, nil) // Config.Error reports each error
		})
	}
}
