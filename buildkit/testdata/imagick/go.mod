module example.com/imagick

go 1.23

require gopkg.in/gographics/imagick.v2 v2.7.1
