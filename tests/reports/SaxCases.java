import java.io.File;
import javax.xml.parsers.SAXParserFactory;
import org.xml.sax.Attributes;
import org.xml.sax.helpers.DefaultHandler;

/** Prints one line for each case of a JUnit file, as Java's SAX parser reads it. */
public class SaxCases {
    public static void main(String[] arguments) throws Exception {
        SAXParserFactory.newInstance().newSAXParser().parse(new File(arguments[0]), new DefaultHandler() {
            private String line;
            private boolean hasResult;

            @Override
            public void startElement(String uri, String local, String name, Attributes attributes) {
                if (name.equals("testcase")) {
                    line = attributes.getValue("classname") + "\t" + attributes.getValue("name");
                    hasResult = false;
                } else if (line != null && !name.equals("system-out")) {
                    line += "\t" + name;
                    hasResult = true;
                }
            }

            @Override
            public void endElement(String uri, String local, String name) {
                if (name.equals("testcase")) {
                    System.out.println(hasResult ? line : line + "\tpass");
                    line = null;
                }
            }
        });
    }
}
