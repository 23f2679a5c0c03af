package buildkit_test

import "testing"

// A licence counts wherever it appears in a module that a folder replaces, also beside packages that the program has not.
func TestRecallSeesNewLicences(t *testing.T) {
	t.Parallel()
	dir, c := remembered(t)
	writing(dir, "near/docs/about.txt", "about")(t)
	writing(dir, "near/.git/index", "")(t)
	c.Licenses, c.Main = true, "."
	seesEach(t, dir, c, []inputChange{
		{"a licence in a folder without a package", writing(dir, "near/docs/LICENSE", "free\n"), false},
		{"its text", writing(dir, "near/docs/LICENSE", "as free as before\n"), false},
		{"a folder with a licence", writing(dir, "near/assets/fonts/COPYING", "free\n"), false},
	})
	writing(dir, "near/.git/index.lock", "")(t)
	if !stands(t, inputs(dir, c)) {
		t.Error("the image does not stand after a change of a repository")
	}
}
