# Answers questions about gems by RubyGems: see ../peers.ts for the lines.
require "rubygems"

STDIN.each_line do |line|
  kind, first, second = line.chomp.split("\t", -1)
  begin
    if kind == "order"
      puts ["<", "=", ">"][(Gem::Version.new(first) <=> Gem::Version.new(second)) + 1]
    else
      requirement = Gem::Requirement.new(first.split(",", -1))
      puts requirement.satisfied_by?(Gem::Version.new(second)) ? "in" : "out"
    end
  rescue ArgumentError
    puts "?"
  end
end
