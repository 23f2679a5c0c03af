// A program of its own: what reads our documents in tests must not be what wrote them, and is no dependency of ours.
module example.com/reader

go 1.23.0

require (
	github.com/xeipuuv/gojsonschema v1.2.0
	sigs.k8s.io/bom v0.6.0
)

require (
	github.com/xeipuuv/gojsonpointer v0.0.0-20180127040702-4e3ac2762d5f // indirect
	github.com/xeipuuv/gojsonreference v0.0.0-20180127040603-bd5ef7bd5415 // indirect
)
