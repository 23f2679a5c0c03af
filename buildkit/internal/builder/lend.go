package builder

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// lendAgent is the entry of Config.Lend for the SSH agent.
const lendAgent = "ssh-agent"

// wishes is what a Config says about logins: its Lend, and its own settings of the go command.
type wishes struct {
	hosts []string // patterns
	agent bool
	env   []string // "GOPRIVATE=…", in order
}

// privateSettings are the settings of the go command that name hosts of private modules.
var privateSettings = []string{"GOPRIVATE", "GONOPROXY", "GOVCS", "GOPROXY"}

// wishesOf returns the wishes of a Config.
func wishesOf(c config.Config) (w wishes, err error) {
	for _, word := range c.Build.Lend {
		if word == lendAgent {
			w.agent = true
			continue
		}
		if _, err := path.Match(word, ""); err != nil || word == "" || strings.ContainsAny(word, "/@ \t\n") {
			return w, &report.ConfigError{Err: fmt.Errorf("the entry %q in Build.Lend (%s) is neither %q nor a host\nfix: name a host as the netrc has it, such as git.example.com", word, c.Origin, lendAgent)}
		}
		w.hosts = append(w.hosts, word)
	}
	for _, key := range privateSettings {
		for _, env := range append([]map[string]string{c.Build.Env}, valuesOf(c.Build.EnvFor)...) {
			if value := env[key]; value != "" {
				w.env = append(w.env, key+"="+value)
			}
		}
	}
	return w, nil
}

// valuesOf returns the values of a map in the order of its keys.
func valuesOf(m map[string]map[string]string) []map[string]string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var values []map[string]string
	for _, key := range keys {
		values = append(values, m[key])
	}
	return values
}

// need is the user's logins that the go command in the container may need, and the settings that ask for them.
type need struct {
	hosts []string // patterns of hosts in the netrc
	ssh   bool     // the agent and the known hosts
	proxy []string // variables whose addresses have a login
	why   []string
}

// addresses describes the logins in addresses, for people.
func (n need) addresses() (all []string) {
	for _, key := range n.proxy {
		all = append(all, "the login in "+key)
	}
	return all
}

// addAddress notes a variable that the container gets, if its value has a login in an address.
func (n *need) addAddress(key, value string) {
	if plaintext.HideLogins(value) == value {
		return
	}
	if n.proxy = append(n.proxy, key); !slices.Contains(n.why, key) {
		n.why = append(n.why, key)
	}
}

// needOf decides which logins may be needed. settings are those of this machine's go command; bases are the URLs that git
// substitutes for others.
func needOf(w wishes, origin string, settings map[string]string, bases []string) need {
	var n need
	if n.add(origin, w.hosts...); w.agent {
		n.ssh, n.why = true, []string{origin}
	}
	said := append([]string{}, w.env...)
	for _, key := range privateSettings {
		said = append(said, key+"="+settings[key])
	}
	for _, setting := range said {
		key, value, _ := strings.Cut(setting, "=")
		hosts := settingHosts(key, value)
		n.add(key, hosts...)
		n.ssh = n.ssh || len(hosts) > 0 && key != "GOPROXY" // a proxy is only asked by https
	}
	for _, base := range bases {
		host, ssh := gitHost(base)
		n.add("git's insteadOf", host)
		n.ssh = n.ssh || ssh
	}
	return n
}

// add adds hosts, and why if that is the first setting that names one of them.
func (n *need) add(why string, hosts ...string) {
	for _, host := range hosts {
		if host == "" || slices.Contains(n.hosts, host) {
			continue
		}
		if n.hosts = append(n.hosts, host); !slices.Contains(n.why, why) {
			n.why = append(n.why, why)
		}
	}
}

// settingHosts returns the patterns of hosts in a setting of the go command, see "go help environment", "go help
// module-private" and "go help vcs". The pattern "*" of GOVCS names no host.
func settingHosts(key, value string) (hosts []string) {
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || key == "GOPROXY" && r == '|' }) {
		word = strings.TrimSpace(word)
		switch key {
		case "GOPROXY":
			u, err := url.Parse(word)
			if word = ""; err == nil && u.Host != "proxy.golang.org" { // the default proxy, which needs no login
				word = u.Host
			}
		case "GOVCS":
			pattern, vcs, _ := strings.Cut(word, ":")
			if word = pattern; vcs == "off" || pattern == "public" || pattern == "private" || pattern == "*" {
				word = ""
			}
		default:
			if word == "none" {
				word = ""
			}
		}
		if host, _, _ := strings.Cut(word, "/"); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// gitHost returns the host of a URL of git, which may be "git@host:path", and whether git uses ssh for it.
func gitHost(base string) (host string, ssh bool) {
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		return u.Hostname(), strings.Contains(u.Scheme, "ssh")
	}
	before, _, ok := strings.Cut(base, ":")
	if !ok || strings.Contains(before, "/") {
		return "", false // a folder of this machine
	}
	return before[strings.LastIndex(before, "@")+1:], true
}

// netrcFor returns the logins of a netrc for hosts that match a pattern, one a line, and the names of these hosts. It leaves
// out macros, and the login for all other hosts unless "*" is among the patterns. See
// https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html.
func netrcFor(patterns []string, content string) (kept string, hosts []string) {
	var out strings.Builder
	wanted := false
	words := netrcWords(content)
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		argument := ""
		if word != "default" && len(words) > 0 {
			argument, words = words[0], words[1:]
		}
		switch word {
		case "machine":
			if wanted = matchesHost(patterns, argument); wanted {
				hosts = append(hosts, argument)
				fmt.Fprintf(&out, "\nmachine %s", argument)
			}
		case "default":
			if wanted = slices.Contains(patterns, "*"); wanted {
				hosts = append(hosts, "all others")
				out.WriteString("\ndefault")
			}
		case "login", "password", "account":
			if wanted {
				fmt.Fprintf(&out, " %s %s", word, argument)
			}
		}
	}
	if out.Len() == 0 {
		return "", nil
	}
	return out.String()[1:] + "\n", hosts
}

// netrcWords returns the words of a netrc without comments and macros. Quotes stay.
func netrcWords(content string) (words []string) {
	macro := false
	for _, line := range strings.Split(content, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			macro = false
		}
		if macro || strings.HasPrefix(line, "#") {
			continue
		}
		for line != "" {
			var word string
			word, line = netrcWord(line)
			if macro = word == "macdef"; macro {
				break
			}
			words = append(words, word)
		}
	}
	return words
}

// netrcWord cuts the first word off a line. The word ends at a space, or at the closing quote if it begins with a quote.
func netrcWord(line string) (word, rest string) {
	end := strings.IndexAny(line, " \t")
	if line[0] == '"' {
		end = -1
		for i := 1; i < len(line) && end < 0; i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				end = i + 1
			}
		}
	}
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.TrimSpace(line[end:])
}

// matchesHost reports whether a pattern matches a host. Ports are ignored: the go command looks for hosts with and without
// them.
func matchesHost(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(withoutPort(pattern), withoutPort(host))
		return err == nil && ok
	})
}

func withoutPort(host string) string {
	host = strings.ToLower(host)
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
