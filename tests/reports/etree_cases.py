"""Prints one line for each case of a JUnit file, as Python's expat reads it."""
import sys
import xml.etree.ElementTree as etree

for case in etree.parse(sys.argv[1]).getroot().iter("testcase"):
    results = [child.tag for child in case if child.tag != "system-out"] or ["pass"]
    print("\t".join([case.get("classname"), case.get("name"), *results]))
