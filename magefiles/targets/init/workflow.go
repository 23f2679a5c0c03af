package main

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// workflowFor returns the workflow for a service, or nothing if ci is "".
func workflowFor(ci string, m userModule) (file, error) {
	name, text := "", ""
	switch ci {
	case "":
		return file{}, nil
	case "github":
		name, text = filepath.Join(".github", "workflows", "image.yml"), github
	case "gitlab":
		name, text = ".gitlab-ci.yml", gitlab
	default:
		return file{}, usageError{fmt.Errorf("-ci is %q\nfix: github or gitlab", ci)}
	}
	push := "IMAGE_REPO=$repo " + m.command("imagePush")
	if len(m.programs) > 1 {
		push = "for name in " + strings.Join(m.names(), " ") + "; do IMAGE_NAME=$name IMAGE_REPO=$repo/$name " + m.command("imagePush") + "; done"
	}
	return file{m.root, name, strings.NewReplacer("«build»", m.command("image"), "«push»", push).Replace(text)}, nil
}

// names returns the names that the images have by default, as package gobuild of the worker names programs: by the last element of
// the import path that is no major version.
func (m userModule) names() []string {
	var names []string
	for _, p := range m.paths {
		name := path.Base(p)
		if digits := strings.TrimPrefix(name, "v"); digits != name && digits != "" && strings.Trim(digits, "0123456789") == "" && path.Dir(p) != "." {
			name = path.Base(path.Dir(p))
		}
		names = append(names, name)
	}
	return names
}

// The workflows build the image for each change, and push it from the main branch. The cache of the go command and of
// fromscratch is kept between runs.
const github = `name: image
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
  packages: write
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-go@v5
        with:
          go-version-file: go.mod
      - uses: actions/cache@v4
        with:
          path: ~/.cache/fromscratch
          key: fromscratch-${{ hashFiles('go.mod') }}
      - run: «build»
      - if: github.ref == 'refs/heads/main'
        run: |
          echo "${{ secrets.GITHUB_TOKEN }}" | docker login ghcr.io -u "${{ github.actor }}" --password-stdin
          repo=$(echo "ghcr.io/${{ github.repository }}" | tr A-Z a-z)
          export IMAGE_TAG=${{ github.sha }}
          «push»
`

const gitlab = `# No engine is needed: the image is written as an archive, and pushed without Docker.
image:
  stage: build
  image: golang:1.26
  variables:
    GOPATH: $CI_PROJECT_DIR/.go
    GOCACHE: $CI_PROJECT_DIR/.cache/go-build
    XDG_CACHE_HOME: $CI_PROJECT_DIR/.cache
  cache:
    key:
      files: [go.sum]
    paths: [.go/pkg/mod, .cache]
  script:
    - IMAGE_OUTPUT=archive «build»
    - |
      if [ "$CI_COMMIT_BRANCH" = "$CI_DEFAULT_BRANCH" ]; then
        export DOCKER_CONFIG=$(mktemp -d)
        auth=$(printf '%s:%s' "$CI_REGISTRY_USER" "$CI_REGISTRY_PASSWORD" | base64 | tr -d '\n')
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$CI_REGISTRY" "$auth" > "$DOCKER_CONFIG/config.json"
        repo=$CI_REGISTRY_IMAGE
        export IMAGE_TAG=$CI_COMMIT_SHA
        «push»
      fi
`
