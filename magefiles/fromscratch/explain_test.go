package main

import "testing"

func TestExplainArguments(t *testing.T) {
	for _, c := range []struct {
		args  []string
		json  bool
		paths int
		fails bool
	}{
		{nil, false, 0, false}, {[]string{"--json"}, true, 0, false}, {[]string{"/a", "/b"}, false, 2, false},
		{[]string{"-json", "/a"}, true, 1, false}, {[]string{"a"}, false, 1, true}, {[]string{"--none"}, false, 0, true},
	} {
		e, err := readExplainArgs(c.args)
		if e.json != c.json || len(e.paths) != c.paths || (err != nil) != c.fails {
			t.Errorf("%q is read as %+v (%v)", c.args, e, err)
		}
	}
}
