package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tab := newTable("way", "median s", "× go build")
	tab.add("go build alone", seconds(0.2), times(1))
	tab.add("größer", seconds(0.0456), times(0))
	tab.add("left out", "–")
	var b strings.Builder
	tab.write(&b)
	want := `| way            | median s | × go build |
|----------------|---------:|-----------:|
| go build alone |     0.20 |       1.00 |
| größer         |    0.046 |            |
| left out       |        – |            |
`
	if b.String() != want {
		t.Errorf("the table is\n%swant\n%s", b.String(), want)
	}
}
