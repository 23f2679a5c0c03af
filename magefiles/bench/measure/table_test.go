package measure

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tab := NewTable("way", "median s", "× go build")
	tab.Add("go build alone", Seconds(0.2), Times(1))
	tab.Add("größer", Seconds(0.0456), Times(0))
	tab.Add("left out", "–")
	var b strings.Builder
	tab.Write(&b)
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
