package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// toScripted returns a push to a scripted registry, with its login.
func toScripted(t *testing.T, r *registrytest.Registry) registry.PushRequest {
	t.Helper()
	q := request(t, r.Host, hello(t, 1))
	q.CAFile, q.Retries = r.CAFile, 2
	q.Credentials.Getenv = home(t, r.Host, map[string]string{".docker/config.json": `{"auths":{"HOST":{"auth":"` + basic(user, password) + `"}}}`}, nil)
	return q
}

// A push sends the login to its registry only, whichever step redirects elsewhere.
func TestPushSendsTheLoginNowhereElse(t *testing.T) {
	for _, tls := range []bool{false, true} {
		for _, step := range []registrytest.Step{registrytest.HeadBlob, registrytest.StartUpload, registrytest.PutBlob, registrytest.HeadManifest, registrytest.PutManifest} {
			t.Run(string(step), func(t *testing.T) {
				own := registrytest.Start(t, registrytest.Options{User: user, Password: password, TLS: tls})
				other := registrytest.Start(t, registrytest.Options{User: "somebody", Password: "else", Realm: "self"})
				own.Break(step, func(w http.ResponseWriter, r *http.Request) bool {
					return r.Header.Get("Authorization") != "" && registrytest.Redirect(http.StatusTemporaryRedirect, other.URL)(w, r)
				})
				_, err := registry.Push(context.Background(), toScripted(t, own))
				wantError(t, err)
				for _, q := range other.Requests() {
					if q.Authorization != "" {
						t.Errorf("the other server was sent %+v", q)
					}
				}
			})
		}
	}
}

// A push fails if the registry answers 201 and stores nothing.
func TestPushNotStored(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault registrytest.Fault
		fails bool
	}{
		{"nothing is stored", registrytest.Lose, true},
		{"the tag is not stored", func(w http.ResponseWriter, r *http.Request) bool {
			return !strings.Contains(r.URL.Path, "/sha256:") && registrytest.Lose(w, r)
		}, true},
		{"it is stored at the second try", registrytest.Times(1, registrytest.Lose), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := registrytest.Start(t, registrytest.Options{})
			r.Break(registrytest.PutManifest, func(w http.ResponseWriter, q *http.Request) bool {
				return tt.fault != nil && tt.fault(w, q)
			})
			_, err := registry.Push(context.Background(), toScripted(t, r))
			if !tt.fails {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, "the registry has accepted", "does not have it", "fix: ")
			var e *registry.Error
			if !errors.As(err, &e) || e.Local {
				t.Errorf("error %v is this machine's", err)
			}
		})
	}
}

// A push fails if the registry loses what a tag leads to: the image of a platform, an index, or a document about one of them.
func TestPushPartsNotStored(t *testing.T) {
	document := func(context.Context, *image.Image) ([]registry.Attachment, error) {
		return []registry.Attachment{{ArtifactType: "application/spdx+json", Content: []byte("{}")}}, nil
	}
	one, several := []*image.Image{hello(t, 1)}, []*image.Image{hello(t, 1), imageOn(t, "arm64", layer(t, text("app", "arm")))}
	for _, tt := range []struct {
		name     string
		images   []*image.Image
		describe func(context.Context, *image.Image) ([]registry.Attachment, error)
		loses    string // text in the manifests that the registry loses
	}{
		{"a platform's image", several, nil, `"config":`},
		{"the index", several, nil, `"manifests":`},
		{"a document about an image", one, document, `"subject":`},
		{"documents about images of several", several, document, `"subject":`},
	} {
		for _, times := range []int32{1, 1000} {
			t.Run(fmt.Sprintf("%s, %d times", tt.name, times), func(t *testing.T) {
				t.Parallel()
				r := registrytest.Start(t, registrytest.Options{})
				var lost string
				lose := registrytest.Times(times, func(w http.ResponseWriter, q *http.Request) bool {
					lost = q.URL.Path
					return registrytest.Lose(w, q)
				})
				r.Break(registrytest.PutManifest, func(w http.ResponseWriter, q *http.Request) bool {
					body, err := io.ReadAll(q.Body)
					q.Body = io.NopCloser(bytes.NewReader(body))
					return err == nil && bytes.Contains(body, []byte(tt.loses)) && lose(w, q)
				})
				q := toScripted(t, r)
				q.Images, q.Describe = tt.images, tt.describe
				_, err := registry.Push(context.Background(), q)
				if times == 1 {
					if err != nil {
						t.Errorf("it is stored at the second try, but the error is %v", err)
					}
					if resp, err := http.Get(r.URL + lost); err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
						t.Errorf("%q is not there: %v, %v", lost, resp, err)
					}
					return
				}
				wantError(t, err, "the registry has accepted", "does not have it", "fix: ")
			})
		}
	}
}

// The error for a web server that is no registry does not print its whole page.
func TestPushToAWrongHost(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusAccepted, http.StatusNotFound, http.StatusForbidden, http.StatusInternalServerError} {
		r := registrytest.Start(t, registrytest.Options{})
		for _, s := range registrytest.Steps {
			r.Break(s, registrytest.Page(status))
		}
		_, err := registry.Push(context.Background(), toScripted(t, r))
		wantError(t, err)
		if err != nil && (strings.Contains(err.Error(), "It works!") || strings.Contains(err.Error(), "\x1b") || strings.Count(err.Error(), "\n") > 1) {
			t.Errorf("the page is in %q", err)
		}
	}
}

// Whatever step fails, and however, the push ends: with an error, or with everything stored.
func TestPushWithAnyFaultAtAnyStep(t *testing.T) {
	faults := map[string]registrytest.Fault{
		"404": registrytest.Status(http.StatusNotFound, `{"errors":[{"code":"NAME_UNKNOWN","message":"<html><title>x</title>"}]}`),
		"500": registrytest.Status(http.StatusInternalServerError, "broken"), "a page": registrytest.Page(http.StatusOK),
		"cut": registrytest.Cut, "lost": registrytest.Lose, "401 for ever": registrytest.Challenge(`Basic realm="x"`),
	}
	for _, step := range []registrytest.Step{registrytest.HeadBlob, registrytest.StartUpload, registrytest.PutBlob, registrytest.HeadManifest, registrytest.PutManifest} {
		for name, fault := range faults {
			t.Run(string(step)+" "+name, func(t *testing.T) {
				r := registrytest.Start(t, registrytest.Options{User: user, Password: password})
				r.Break(step, fault)
				pushed, err := registry.Push(context.Background(), toScripted(t, r))
				if err != nil {
					return
				}
				r.Break(step, nil)
				q := toScripted(t, r)
				if again := push(t, q); again.Digest != pushed.Digest || again.Sent != 0 {
					t.Errorf("the push succeeded, but %d bytes were missing", again.Sent)
				}
			})
		}
	}
}

// signed redirects to storage elsewhere, with a signed address like those of S3, which works for everybody who has it.
func signed(server string) registrytest.Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Location", server+"/bucket"+r.URL.Path+"?X-Amz-Credential=key&X-Amz-Signature=s1gned")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
}

// No error contains the signature of an address, whatever fails there.
func TestPushHidesSignatures(t *testing.T) {
	broken := func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Location", "/x?X-Amz-Signature=s1gned%zz")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	for name, fault := range map[string]registrytest.Fault{
		"403": registrytest.Status(http.StatusForbidden, ""), "cut": registrytest.Cut, "another size": registrytest.Status(http.StatusOK, ""),
		"a page": registrytest.Page(http.StatusOK), "a broken redirect": broken, "redirects": signed(""),
		"it repeats it": registrytest.Status(http.StatusBadRequest, `{"errors":[{"code":"UNKNOWN","message":"Get \"https://s3.example/b?X-Amz-Signature=s1gned\": no"}]}`),
	} {
		for _, step := range []registrytest.Step{registrytest.HeadBlob, registrytest.StartUpload, registrytest.PutBlob, registrytest.HeadManifest, registrytest.PutManifest} {
			t.Run(name+" "+string(step), func(t *testing.T) {
				t.Parallel()
				own, other := registrytest.Start(t, registrytest.Options{}), registrytest.Start(t, registrytest.Options{})
				own.Break(step, signed(other.URL))
				for _, s := range registrytest.Steps {
					other.Break(s, fault)
				}
				q := toScripted(t, own)
				q.Retries = 1
				if _, err := registry.Push(context.Background(), q); err != nil && strings.Contains(err.Error(), "s1gned") {
					t.Errorf("the signature is in %q", err)
				}
			})
		}
	}
}

// No error contains a token, even if the registry's answer repeats it.
func TestPushHidesTokens(t *testing.T) {
	t.Parallel()
	own := registrytest.Start(t, registrytest.Options{User: user, Password: password, Realm: "self"})
	var token string
	own.Break(registrytest.StartUpload, func(w http.ResponseWriter, r *http.Request) bool {
		_, sent, ok := strings.Cut(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return false
		}
		token = sent
		return registrytest.Status(http.StatusBadRequest, `{"errors":[{"code":"DENIED","message":"no `+sent+`"}]}`)(w, r)
	})
	q := toScripted(t, own)
	q.Parallel = 1
	_, err := registry.Push(context.Background(), q)
	wantError(t, err, "400 Bad Request")
	if err != nil && (token == "" || strings.Contains(err.Error(), token)) {
		t.Errorf("the token %q is in %q", token, err)
	}
}

// A long answer is not cut off within a secret: half of a password must not be shown either.
func TestPushTellsNoPartOfASecret(t *testing.T) {
	t.Parallel()
	r := registrytest.Start(t, registrytest.Options{User: user, Password: password})
	half := password[:len(password)/2]
	for _, fault := range []string{
		`{"errors":[{"code":"DENIED","message":"` + strings.Repeat("x", 500-len(half)) + password + `"}]}`,
		`{"errors":[{"code":"` + strings.ToUpper(password) + `","message":"no"}]}`,
	} {
		r.Break(registrytest.StartUpload, registrytest.Status(http.StatusBadRequest, fault))
		_, err := registry.Push(context.Background(), toScripted(t, r))
		wantError(t, err, "400 Bad Request")
		if err != nil && strings.Contains(err.Error(), half) {
			t.Errorf("half of the password is in %q", err)
		}
	}
}
