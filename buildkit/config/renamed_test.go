package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

var renamedRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| (.*) \\|$")

// A magefile with a word of before does not compile, and the words of now are there.
func TestRenamed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/renamed.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := renamedRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) != 18 {
		t.Errorf("the table has %d fields", len(rows))
	}
	of := reflect.TypeOf(config.Config{})
	for _, row := range rows {
		old, now := row[1], row[2]
		if field, there := of.FieldByName(old); there && reflect.TypeOf([]string{}).AssignableTo(field.Type) {
			t.Errorf("%s still compiles", old)
		}
		for _, m := range regexp.MustCompile("`(Build|Push|Tags|Platforms)(?:\\.([A-Za-z]+))?").FindAllStringSubmatch(now, -1) {
			field, there := of.FieldByName(m[1])
			if there && m[2] != "" {
				_, there = field.Type.FieldByName(m[2])
			}
			if !there {
				t.Errorf("%s is said to be %s, which is no field", old, strings.Trim(m[0], "`"))
			}
		}
	}
}
