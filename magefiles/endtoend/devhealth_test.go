//go:build unix

package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// patient returns a server that is also its own health check. It is unhealthy if the word begins with "bad".
func patient(word string) string {
	return fmt.Sprintf(`package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

const word = %q

func main() {
	if len(os.Args) > 1 {
		ask()
		return
	}
	fmt.Println("speaking", word)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, word) })
	if err := http.ListenAndServe("127.0.0.1:8080", nil); err != nil {
		panic(err)
	}
}

func ask() {
	answer, err := http.Get("http://127.0.0.1:8080/")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	text, err := io.ReadAll(answer.Body)
	if string(text) != word {
		fmt.Println("asked by", word)
		os.Exit(1)
	}
	if err != nil || strings.HasPrefix(string(text), "bad") {
		fmt.Println("it is", string(text))
		os.Exit(1)
	}
}
`, word)
}

// imageDev shows the result of the health check for each program: after the start, after each swap, whatever the earlier
// result was, and in a new container. If the check is the program itself, it is always the running version.
func TestDevHealth(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	for _, mode := range []string{"bind", "copy"} {
		t.Run(mode, func(t *testing.T) { t.Parallel(); devHealth(t, mode) })
	}
}

func devHealth(t *testing.T, mode string) {
	name := "fromscratch-test-dev-health-" + mode
	dir := project(t, map[string]string{
		"main.go": patient("good one"), "page.txt": "page",
		"magefile.go": magefileWith(`Name: "` + name + `", Files: []targets.File{{From: "page.txt", To: "/page.txt"}},
	Healthcheck: &targets.Healthcheck{Test: []string{"/` + name + `", "-health"}, Interval: 300_000_000, Retries: 2}`),
	})
	removeImages(t, name+":"+tag)
	s := develop(t, dir, "IMAGE_DEV_SWAP="+mode)
	s.says("speaking good one", 1)
	s.says("health check says healthy", 1)

	s.write("main.go", patient("good two"))
	s.says("speaking good two", 1)
	s.says("health check says healthy", 2)

	s.write("main.go", patient("bad three"))
	s.says("speaking bad three", 1)
	s.says("health check says unhealthy: it is bad three", 1)
	s.write("main.go", patient("bad four")) // it was unhealthy before
	s.says("speaking bad four", 1)
	s.says("health check says unhealthy: it is bad four", 1)

	s.write("page.txt", "another page")
	s.says("new container in", 1)
	s.says("health check says unhealthy: it is bad four", 2)
	s.write("main.go", patient("good five"))
	s.says("speaking good five", 1)
	s.says("health check says healthy", 3)
	if n := strings.Count(s.text(), "new container in"); n != 1 {
		t.Errorf("%d new containers, want 1", n)
	}
	s.end(name)
}
