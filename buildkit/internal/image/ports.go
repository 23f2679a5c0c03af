package image

import (
	"slices"
	"strconv"
	"strings"
)

// checkPorts sorts the ports and gives each its protocol, so that "8080" and "8080/tcp" are one.
func checkPorts(c *Config) error {
	ports := make([]string, 0, len(c.Ports))
	for _, given := range c.Ports {
		port, err := cleanPort(given)
		if err != nil {
			return err
		}
		ports = append(ports, port)
	}
	slices.Sort(ports)
	c.Ports = slices.Compact(ports)
	return nil
}

// cleanPort returns "port/protocol", the form of ExposedPorts. It rejects ranges and host ports ("8000-8010",
// "80:8080"), which only "docker run" understands.
func cleanPort(given string) (string, error) {
	const act = "exposing the port"
	number, protocol, found := strings.Cut(given, "/")
	if !found {
		protocol = "tcp"
	}
	protocol = strings.ToLower(protocol)
	if !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
		return "", invalid(act, given, "the protocol is not tcp, udp or sctp", `write it like "8080" or "53/udp"`)
	}
	if strings.Contains(number, "-") {
		return "", invalid(act, given, "a range is not a port", "list each port of it")
	}
	if strings.Contains(number, ":") {
		return "", invalid(act, given, "an image does not publish ports, it only names them",
			`name the container's port, and publish it with "docker run -p"`)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return "", invalid(act, given, "it is not a number from 1 to 65535", `write it like "8080" or "53/udp"`)
	}
	return strconv.FormatUint(n, 10) + "/" + protocol, nil
}
