module example.com/thumbnails

go 1.24.0

tool github.com/magefile/mage

require (
	github.com/davidbyttow/govips/v2 v2.16.0
	github.com/fromscratch-go/fromscratch/magefiles/targets v0.0.0
)

require (
	github.com/magefile/mage v1.17.2 // indirect
	golang.org/x/image v0.18.0 // indirect
	golang.org/x/net v0.25.0 // indirect
	golang.org/x/text v0.16.0 // indirect
)

replace github.com/fromscratch-go/fromscratch/magefiles/targets => ../../magefiles/targets
