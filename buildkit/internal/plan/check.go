package plan

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Rules are what imageCheck demands of an image: Check of the Config, read.
type Rules struct {
	MaxSize   int64    // in bytes; 0 is any size
	MaxGrowth Growth   // the zero value is any
	Root      bool     // the user may be root
	Allow     []string // paths and patterns of path.Match
}

// Growth is a limit for how much larger an image may become.
type Growth struct {
	Text    string // as in the Config; "" is no limit
	Percent float64
	Bytes   int64
}

// Most returns how many bytes an image may have that had a size before.
func (g Growth) Most(before int64) int64 {
	return before + g.Bytes + int64(float64(before)*g.Percent/100)
}

// decideCheck reads Check of the Config.
func (p *planner) decideCheck() error {
	c := p.config.Check
	p.Rules.Root = c.Root
	var words []string
	if c.MaxSize != "" {
		size, ok := parseSize(c.MaxSize)
		if !ok || size == 0 {
			return fmt.Errorf("the value of Check.MaxSize is %q (%s)\nfix: write it like \"20MB\", \"1.5GB\" or \"16MiB\"", c.MaxSize, p.Origin)
		}
		p.Rules.MaxSize = size
		words = append(words, "at most "+c.MaxSize)
	}
	if c.MaxGrowth != "" {
		growth, ok := parseGrowth(c.MaxGrowth)
		if !ok {
			return fmt.Errorf("the value of Check.MaxGrowth is %q (%s)\nfix: write it like \"10%%\" or \"2MB\"", c.MaxGrowth, p.Origin)
		}
		p.Rules.MaxGrowth = growth
		words = append(words, "growth of at most "+c.MaxGrowth)
	}
	if c.Root {
		words = append(words, "root allowed")
	}
	for _, allowed := range c.Allow {
		if _, err := path.Match(allowed, ""); err != nil || !path.IsAbs(allowed) {
			return fmt.Errorf("the pattern %q of Check.Allow (%s) is malformed\nfix: write an absolute path, or a pattern of path.Match, like \"/srv/inbox\" or \"/srv/*/inbox\"", allowed, p.Origin)
		}
		p.Rules.Allow = append(p.Rules.Allow, path.Clean(allowed))
	}
	if len(c.Allow) > 0 {
		words = append(words, "allowed: "+strings.Join(c.Allow, " "))
	}
	if len(words) > 0 { // it says nothing about how the image was made
		p.decidedAs("check", strings.Join(words, ", "), p.Origin, Public{Hidden: true})
	}
	return nil
}

// units are the units of sizes in bytes, in small letters.
var units = map[string]float64{"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}

// number matches a number with a unit.
var number = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([A-Za-z]+|%)$`)

// parseSize reads a size like "1.5 MB", in bytes.
func parseSize(text string) (size int64, ok bool) {
	m := number.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	unit, known := units[strings.ToLower(m[2])]
	if err != nil || !known || n*unit > 1<<60 {
		return 0, false
	}
	return int64(n * unit), true
}

// parseGrowth reads a growth like "10%" or "2MB".
func parseGrowth(text string) (g Growth, ok bool) {
	g.Text = text
	if m := number.FindStringSubmatch(text); m != nil && m[2] == "%" {
		var err error
		g.Percent, err = strconv.ParseFloat(m[1], 64)
		return g, err == nil && g.Percent <= 1e6
	}
	g.Bytes, ok = parseSize(text)
	return g, ok
}
